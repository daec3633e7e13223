//! Known bugs by their signatures: gathers the evidence and lets the model conclude.

use routeproof_model::check::{
    Diagnosed, OrderingFacts, Sample, SessionMark, alternation, evidence, ordering,
};
use routeproof_model::fact::KernelState;
use routeproof_model::frr::{Question, Session, view_questions};
use routeproof_model::recording::Line;
use routeproof_model::result::Evidence;
use routeproof_model::scenario::{Diagnosis, Observe, Signature};

use super::advertised::advertised;
use super::boot::Booted;
use super::error::RunError;
use super::expect::node;
use super::gate::save;
use super::node::Node;
use crate::wait::{self, Probe};

/// What the signature concludes, and the evidence that it concludes from.
pub async fn diagnose(
    booted: &Booted,
    step: usize,
    d: &Diagnosis,
    samples: &[Sample],
    status: &(dyn Fn(&str) + Sync),
) -> Result<(Diagnosed, Vec<Evidence>), RunError> {
    match d.signature {
        Signature::FrrOrdering => frr_ordering(booted, step, d, status).await,
        Signature::ExtrasAlternation => {
            let evidence = samples.iter().map(|s| evidence("sample", &d.node, s)).collect();
            Ok((alternation(samples).into(), evidence))
        }
    }
}

async fn frr_ordering(
    booted: &Booted,
    step: usize,
    d: &Diagnosis,
    status: &(dyn Fn(&str) + Sync),
) -> Result<(Diagnosed, Vec<Evidence>), RunError> {
    let watched = node(booted, &d.node)?;
    let has = |kernel: &KernelState| in_kernel(kernel, d.prefix);
    let probe = || async {
        if watched.monitor.with_state(has) {
            return Probe::Done(());
        }
        let text = format!("{} is not in the kernel of {}", d.prefix, d.node);
        status(&text);
        Probe::NotYet(text)
    };
    // Whether it arrived or the time ran out, the facts decide.
    let _ = wait::until("the route", d.within, d.within, probe, || watched.changed()).await;
    let facts = ordering_facts(booted, watched, d).await?;
    booted.recorder.write(&Line::OrderingFacts { step, facts: facts.clone() });
    keep_answers(watched, "diagnose").await?;
    let mut evidence = ordering_evidence(watched, &facts);
    evidence.extend(routes_as_evidence(watched, d.prefix));
    Ok((ordering(&facts).into(), evidence))
}

async fn ordering_facts(booted: &Booted, watched: &Node, d: &Diagnosis) -> Result<OrderingFacts, RunError> {
    let gateway = booted.book.node(&d.peer).map(|name| node(booted, name)).transpose()?;
    let advertised = match gateway {
        Some(gateway) => advertised(booted, watched, gateway).await?.contains(&d.prefix),
        None => false,
    };
    let before = watched.changed.as_ref().map(|c| c.sessions_before.as_slice()).unwrap_or_default();
    let sample =
        sample(booted, &Observe { node: d.node.clone(), peer: d.peer.clone(), prefix: d.prefix }).await?;
    Ok(OrderingFacts {
        in_kernel: sample.in_kernel,
        in_bgp_table: sample.in_bgp_table,
        advertised,
        route_map: sample.route_map,
        before: before.iter().find(|s| booted.book.is_peer(&d.node, &d.peer, &s.peer)).map(mark),
        now: sample.session,
    })
}

fn ordering_evidence(watched: &Node, facts: &OrderingFacts) -> Vec<Evidence> {
    let name = &watched.name;
    let sent = |mark: &Option<SessionMark>| mark.as_ref().map(|m| m.refresh_sent);
    vec![
        evidence("session-before", name, &facts.before),
        evidence("session", name, &facts.now),
        evidence("running-config-route-map", name, &facts.route_map),
        evidence("route-refresh-sent", name, [sent(&facts.before), sent(&facts.now)]),
        evidence("advertised-by-gateway", name, facts.advertised),
        evidence("in-bgp-table", name, facts.in_bgp_table),
        evidence("in-kernel", name, facts.in_kernel),
    ]
}

fn routes_as_evidence(watched: &Node, prefix: ipnet::IpNet) -> Vec<Evidence> {
    let routes: Vec<_> = watched.monitor.with_state(|k| k.routes_to(prefix).collect());
    routes.iter().map(|r| evidence("kernel-route", &watched.name, r)).collect()
}

/// As JSON a table of so many routes by eight gateways is over 20 MB, twice: a hundred such nodes would fill the disk.
const FULL: usize = 5000;

/// The daemons' own words, kept beside the configurations: a sceptic need not believe our reading of them.
pub async fn keep_answers(watched: &Node, stage: &str) -> Result<(), RunError> {
    if let Some(router) = &watched.router {
        save(watched, &format!("{stage}.sessions.txt"), &router.sessions_in_its_words().await?);
        return Ok(());
    }
    let full = watched.monitor.with_state(KernelState::route_count) > FULL;
    let (kept, left_out): (Vec<Question>, Vec<Question>) =
        view_questions().into_iter().partition(|question| !(full && question.is_long));
    if !left_out.is_empty() {
        let commands: Vec<&str> = left_out.iter().map(|question| question.command).collect();
        let why = format!(
            "Not asked, for the node has more than {FULL} routes and the answers list them all:\n{}\n\
             What zebra answered to `rib-fib`, and all that the kernel said, is in observations.jsonl.\n",
            commands.join("\n")
        );
        save(watched, &format!("{stage}.left-out.txt"), &why);
    }
    for Question { daemon, command, .. } in kept {
        let name = format!("{stage}.{}.json", command.trim_end_matches(" json").replace(' ', "-"));
        save(watched, &name, &watched.ask(daemon, command).await?);
    }
    save(
        watched,
        &format!("{stage}.bgpd.running-config"),
        &watched.ask("bgpd", "show running-config").await?,
    );
    Ok(())
}

/// What a node holds of a prefix now.
pub async fn sample(booted: &Booted, o: &Observe) -> Result<Sample, RunError> {
    let watched = node(booted, &o.node)?;
    let family = if o.prefix.addr().is_ipv6() { "ipv6" } else { "ipv4" };
    let command = format!("show bgp vrf all {family} unicast json");
    let text = watched.ask("bgpd", &command).await?;
    let tables = routeproof_model::frr::bgp_table(&text).map_err(|e| watched.unreadable(&command, &e))?;
    let sessions = watched.sessions().await?;
    let session = sessions.iter().find(|s| booted.book.is_peer(&o.node, &o.peer, &s.peer));
    // bgpd's own copy of the route map: the one that filters.
    let running = watched.ask("bgpd", "show running-config").await?;
    let map = session.and_then(|s| s.families.values().find_map(|f| f.route_map_in.clone()));
    let entries_of = |conf: &str| map.as_ref().map(|map| entries(conf, map)).unwrap_or_default();
    Ok(Sample {
        reloads: watched.reloads,
        written: watched.conf.as_deref().map(entries_of).unwrap_or_default(),
        route_map: entries_of(&running),
        in_bgp_table: tables.iter().any(|t| t.routes.contains_key(&o.prefix)),
        in_kernel: watched.monitor.with_state(|k| in_kernel(k, o.prefix)),
        session: session.map(mark),
    })
}

/// The entries of a route map, as `permit 20`, in the order of the configuration.
fn entries(conf: &str, map: &str) -> Vec<String> {
    let headers =
        conf.lines().filter_map(|line| line.strip_prefix("route-map ")?.strip_prefix(map)?.strip_prefix(' '));
    headers.map(|header| header.trim_end().to_string()).collect()
}

fn in_kernel(kernel: &KernelState, prefix: ipnet::IpNet) -> bool {
    kernel.routes_to(prefix).any(|r| r.protocol == "bgp")
}

fn mark(session: &Session) -> SessionMark {
    SessionMark {
        established: session.established.is_some(),
        established_count: session.connections_established,
        dropped_count: session.connections_dropped,
        refresh_sent: session.refresh.sent,
        refresh_offered: session.can_refresh(),
        uptime_ms: session.established.as_ref().map_or(0, |e| e.uptime_ms),
    }
}
