//! A part of the runs, so that several machines share them.

use std::str::FromStr;

use routeproof_engine::run::Loaded;

/// The `part`th of `of` parts, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers =
            text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part, of }),
            _ => Err("a part and the number of parts, for instance 1/3, 2/3 or 3/3".to_string()),
        }
    }
}

impl Shard {
    /// Leaves every `of`th run, so that the runs of a slow scenario are shared out.
    pub fn keep(self, loaded: &mut Vec<Loaded>) {
        let mut number = 0;
        for scenario in loaded.iter_mut() {
            scenario.runs.retain(|_| {
                number += 1;
                number % self.of == self.part % self.of
            });
        }
        loaded.retain(|scenario| !scenario.runs.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use routeproof_engine::run::load;

    use super::*;

    #[test]
    fn every_run_is_in_one_part() {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let all =
            || ["learn-routes", "frr-ordering"].map(|name| load(&scenarios.join(name)).unwrap()).to_vec();
        let names = |loaded: &[Loaded]| -> Vec<String> {
            loaded.iter().flat_map(|l| l.runs.iter().map(|run| run.slug())).collect()
        };
        let mut parts: Vec<Vec<String>> = Vec::new();
        for part in 1..=4 {
            let mut loaded = all();
            Shard { part, of: 4 }.keep(&mut loaded);
            parts.push(names(&loaded));
        }
        assert!(parts.iter().all(|part| part.len() >= names(&all()).len() / 4), "{parts:?}");
        let mut together = parts.concat();
        let mut whole = names(&all());
        together.sort();
        whole.sort();
        assert_eq!(together, whole);
    }

    #[test]
    fn parts_are_written_as_nextest_has_them() {
        assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
        for wrong in ["", "0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
