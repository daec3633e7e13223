//! What mutations showed, as people read it: a table of expectations and mutations for each run, then what is wrong.

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use routeproof_model::mutate::{Expectation, Fate, Mutation, Report, Run, Shown};

const BAD: Style = AnsiColor::Red.on_default().bold();

pub fn text(report: &Report) -> String {
    let mut text: String = report.runs.iter().map(table).collect();
    for run in &report.runs {
        text.extend(run.expectations.iter().filter_map(|e| complaint(run, e)));
    }
    let count = |shown| report.count(shown);
    let (can_fail, vacuous) = (count(Shown::CanFail), count(Shown::Vacuous));
    let (untested, without) = (count(Shown::Untested), count(Shown::NotApplicable));
    text.push_str(&format!(
        "{} expectations: {can_fail} can fail, {vacuous} vacuous, {untested} untested, {without} without a mutation\n",
        can_fail + vacuous + untested + without
    ));
    text
}

fn title(run: &Run) -> String {
    let axes = run.axes.iter().map(|(axis, value)| format!(" {axis}={value}"));
    format!("{}{}", run.scenario, axes.collect::<String>())
}

fn table(run: &Run) -> String {
    let tried = |m: &Mutation| run.expectations.iter().any(|e| e.fates.contains_key(m));
    let columns: Vec<Mutation> = Mutation::ALL.into_iter().filter(tried).collect();
    let mut table = Table::new();
    let words = columns.iter().map(|m| m.word());
    table.load_preset(presets::NOTHING).set_header([""].into_iter().chain(words).chain(["shown"]));
    for expectation in &run.expectations {
        let cells = columns.iter().map(|m| cell(expectation.fates.get(m)));
        let name = format!("{} {}", expectation.step + 1, expectation.name);
        table.add_row([name].into_iter().chain(cells).chain([shown(expectation.shown).to_string()]));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let lines: String = table.trim_fmt().lines().map(|line| format!("  {}\n", line.trim_end())).collect();
    format!("{}\n{lines}\n", title(run))
}

fn cell(fate: Option<&Fate>) -> String {
    match fate {
        Some(Fate::Killed { .. }) => "killed",
        Some(Fate::WitnessLost { .. }) => "witness lost",
        Some(Fate::Survived) => "survived",
        Some(Fate::Untried { .. }) => "untried",
        None => "-",
    }
    .to_string()
}

fn shown(shown: Shown) -> &'static str {
    match shown {
        Shown::CanFail => "can fail",
        Shown::Vacuous => "VACUOUS",
        Shown::Untested => "untested",
        Shown::NotApplicable => "no mutation",
    }
}

fn complaint(run: &Run, expectation: &Expectation) -> Option<String> {
    let place = format!("{}: step {}, {}", title(run), expectation.step + 1, expectation.name);
    match expectation.shown {
        Shown::CanFail | Shown::NotApplicable => None,
        Shown::Vacuous => {
            let words: Vec<&str> = expectation.fates.keys().map(|m| m.word()).collect();
            Some(format!(
                "{BAD}vacuous{BAD:#}: {place}\n  it survives {}: it proves nothing\n",
                words.join(", ")
            ))
        }
        Shown::Untested => {
            let why = expectation.fates.iter().find_map(|(mutation, fate)| match fate {
                Fate::Untried { why } => Some(format!("{}: {why}", mutation.word())),
                _ => None,
            });
            let why = why.unwrap_or_else(|| "only its witness went".to_string());
            Some(format!("{BAD}untested{BAD:#}: {place}\n  {why}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_like_this() {
        let killed = Fate::Killed { why: "worker has no route".to_string() };
        let lost = Fate::WitnessLost { why: "the witness is missing".to_string() };
        let untried = Fate::Untried { why: "no lab".to_string() };
        let expectations = vec![
            Expectation::new(1, "worker has 172.16.1.0/24", [(Mutation::PeerDown, killed.clone())].into()),
            Expectation::new(
                2,
                "worker has not 172.16.9.0/24 for 1s",
                [(Mutation::PeerDown, lost), (Mutation::LeakRoute, killed)].into(),
            ),
            Expectation::new(3, "worker has 192.168.1.0/24", [(Mutation::PeerDown, Fate::Survived)].into()),
            Expectation::new(
                4,
                "FRR and the kernel of worker agree",
                [(Mutation::LeakRoute, untried)].into(),
            ),
        ];
        let run = Run {
            scenario: "s".to_string(),
            axes: vec![("frr".to_string(), "8.4.4".to_string())],
            expectations,
        };
        let text = text(&Report::new(vec![run]));
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"
        s frr=8.4.4
                                                 peer-down     leak-route  shown
          2 worker has 172.16.1.0/24             killed        -           can fail
          3 worker has not 172.16.9.0/24 for 1s  witness lost  killed      can fail
          4 worker has 192.168.1.0/24            survived      -           VACUOUS
          5 FRR and the kernel of worker agree   -             untried     untested

        vacuous: s frr=8.4.4: step 4, worker has 192.168.1.0/24
          it survives peer-down: it proves nothing
        untested: s frr=8.4.4: step 5, FRR and the kernel of worker agree
          leak-route: no lab
        4 expectations: 2 can fail, 1 vacuous, 1 untested, 0 without a mutation
        ");
    }
}
