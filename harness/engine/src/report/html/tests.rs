#![allow(clippy::unwrap_used)]

use routeproof_model::event::{Event, EventKind};
use routeproof_model::result::fold;

use super::super::sample;
use super::*;

fn render(sample: &sample::Sample, directory: Option<&std::path::Path>) -> String {
    Html.render(&View { result: &sample.result, events: &sample.events, directory, width: 100 })
}

#[test]
fn every_run_requirement_and_reason_is_on_the_page() {
    let page = render(&sample::mixed(), None);
    for id in 0..5 {
        assert_eq!(page.matches(&format!("id=\"run-{id}\"")).count(), 1, "run {id}");
    }
    for words in [
        "An expectation did not hold",
        "LEARN-1.1",
        "FRR 10.3",
        "no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established",
        "vrf is missing: the host&#39;s kernel has no vrf.ko",
        "the kernel has no VRF: scenarios that need it are skipped",
        "route-map 10.0.0.1-in deny 20",
        "step 1 did not pass",
    ] {
        assert!(page.contains(words), "{words} is missing:\n{page}");
    }
}

#[test]
fn requirements_say_what_they_are() {
    let mut sample = sample::mixed();
    let texts = [("LEARN-1.1".to_string(), "A node <installs> what is permitted.".to_string())].into();
    sample.events.push(Event { at_ms: 0, run: None, kind: EventKind::Requirements { texts } });
    sample.result = fold(&sample.events);
    let page = render(&sample, None);
    assert!(
        page.contains("LEARN-1.1<span class=\"detail\">A node &#60;installs&#62; what is permitted.</span>"),
        "{page}"
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let page = render(&sample::ordering(true), None);
    for far in ["http:", "https:", "src=", "@import", "url(", "<script", "<link"] {
        assert!(!page.contains(far), "{far}");
    }
    assert!(page.contains("default-src 'none'"), "and says so to the browser");
    assert!(page.contains("prefers-color-scheme: dark"));
}

/// Where something can be clicked, it is there.
#[test]
fn links_lead_to_places_of_the_page() {
    let page = render(&sample::ordering(true), None);
    let targets: Vec<&str> =
        page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(targets.len() > 36);
    for target in targets {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn what_others_write_stays_text() {
    let evil = "</title></svg></style><script>alert(1)</script><img src=x onerror=y> & \" ' \u{1b}[31m";
    let mut sample = sample::mixed();
    for event in &mut sample.events {
        use EventKind::*;
        match &mut event.kind {
            Planned { runs } => runs.iter_mut().for_each(|run| {
                run.scenario = format!("{evil}{}", run.scenario);
                run.requirements = vec![evil.into()];
                run.axes.iter_mut().for_each(|(name, value)| (*name, *value) = (evil.into(), evil.into()));
            }),
            StepStarted { name, .. } => *name = evil.into(),
            StepFinished { step, .. } => {
                (step.name, step.message) = (evil.into(), Some(evil.into()));
                for evidence in &mut step.evidence {
                    (evidence.what, evidence.node) = (evil.into(), Some(evil.into()));
                    evidence.value = evil.into();
                }
            }
            RunFinished { reason, .. } => *reason = Some(evil.into()),
            Warning { message } => *message = evil.into(),
            _ => {}
        }
    }
    sample.result = fold(&sample.events);
    let page = render(&sample, None);
    assert!(page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"), "it is shown");
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\u{1b}"), "{page}");
    assert_eq!(page.matches("</style>").count(), 1);
}

/// A file in the run directory that is not the drawing that we made.
#[test]
fn only_drawings_of_ours_are_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut sample = sample::mixed();
    let setting = routeproof_model::result::Setting { topology: "lan".into(), ..Default::default() };
    sample.result.runs[0].setting = Some(setting);
    let file = crate::rundir::drawing_in(folder.path(), "lan");
    std::fs::write(&file, "<svg xmlns=\"http://www.w3.org/2000/svg\"><text>drawn</text></svg>").unwrap();
    assert!(render(&sample, Some(folder.path())).contains("drawn"));
    std::fs::write(&file, "<script>drawn</script>").unwrap();
    assert!(!render(&sample, Some(folder.path())).contains("drawn"));
}

/// What stands in the plan is known to the page: the steps that a failed run did not come to, and who the gateways were.
#[test]
fn the_plan_says_what_was_not_reached() {
    let scenario = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/learn-routes");
    let mut plan = crate::run::Loaded::plan(&[crate::run::load(&scenario).unwrap()]);
    // The sample's other runs are of other scenarios.
    plan.runs.truncate(2);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.json"), serde_json::to_string(&plan).unwrap()).unwrap();
    let sample = sample::mixed();
    let failed = &sample.result.runs[1];
    let page = render(&sample, Some(folder.path()));
    let left = plan.runs[1].steps.len() - failed.steps.len();
    assert_eq!(page.matches("not reached</span>").count(), 2 * left, "{page}");
    assert!(page.contains("<dt>gateways</dt><dd>quay.io/frrouting/frr:8.4.4</dd>"), "{page}");
    std::fs::write(folder.path().join("plan.json"), "{}").unwrap();
    assert!(render(&sample, Some(folder.path())).contains("plan.json is not a plan of this version"));
}

#[test]
fn code_in_texts_is_told_apart() {
    let pieces = |text| {
        facts::pieces(text).into_iter().map(|(code, text)| format!("{code}:{text}")).collect::<Vec<_>>()
    };
    assert_eq!(pieces("turn `deny 20` around"), ["false:turn ", "true:deny 20", "false: around"]);
    assert_eq!(pieces("a ` alone"), ["false:a ` alone"]);
}

fn accepted(level: &str, failed: bool) -> routeproof_model::acceptance::Judged {
    use routeproof_model::acceptance::{Deviations, Requirement, Round, RouterUnderTest, Sanity, judge};
    use routeproof_model::result::Outcome::Passed;
    let mut result = sample::mixed().result;
    if !failed {
        result.runs.truncate(1);
    }
    let unstable = if failed {
        vec!["learn-routes: node gw1: bird has ended with signal 11".to_string()]
    } else {
        Vec::new()
    };
    let router = RouterUnderTest {
        profile: "bird".into(),
        version: "2".into(),
        variant: None,
        image: "bird:2".into(),
    };
    let catalogue = [Requirement { id: "LEARN-1.1".into(), text: "A node learns <routes>.".into() }];
    let sanity = Sanity { before: Passed, after: Passed };
    judge((router, level), &catalogue, &[Round { result, unstable }], &Deviations::default(), sanity)
}

#[test]
fn the_page_of_an_acceptance_has_the_verdict_and_the_runs() {
    let sample = sample::mixed();
    let view = View { result: &sample.result, events: &sample.events, directory: None, width: 100 };
    let page = acceptance_page(&accepted("soak", true).report, 1, &view);
    for words in [
        "<h1>Not accepted: 2 requirements failed</h1>",
        "The soak was stopped after round 1: the router crashed",
        "<dd>bird 2, image bird:2</dd>",
        "a router known to be good: passed before, passed after",
        "A node learns &#60;routes&#62;.",
        "learn-routes: node gw1: bird has ended with signal 11",
        "<a href=\"#run-1\">learn-routes frr=10.3</a> (failed)",
        "step 1 did not pass",
    ] {
        assert!(page.contains(words), "{words} is missing:\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains("http:"));
    let page = acceptance_page(&accepted("basic", false).report, 1, &view);
    assert!(page.contains("<h1>Accepted</h1>") && !page.contains("soak"), "{page}");
}
