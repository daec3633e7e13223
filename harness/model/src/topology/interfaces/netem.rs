//! Impairments of a link, in one direction: what leaves by the interface (tc-netem(8)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetemFile {
    pub delay: Option<String>,
    pub jitter: Option<String>,
    pub loss: Option<String>,
    pub rate: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netem {
    /// In microseconds.
    pub delay_us: u64,
    /// How far the delay varies to either side, in microseconds.
    pub jitter_us: u64,
    /// How many of a million packets are lost, each by its own chance.
    pub loss_ppm: u32,
    /// In bits per second; 0 does not limit.
    pub rate_bps: u64,
}

/// What is wrong: the field, and the words.
pub(super) type Wrong = (&'static str, String);

impl NetemFile {
    /// # Errors
    /// The first field whose value has no meaning.
    pub(super) fn resolve(&self) -> Result<Netem, Wrong> {
        let delay = self.delay.as_deref().map(|text| time("delay", text)).transpose()?;
        let jitter = self.jitter.as_deref().map(|text| time("jitter", text)).transpose()?;
        if jitter > delay {
            return Err(("jitter", "the jitter is longer than the delay that it varies".to_owned()));
        }
        let netem = Netem {
            delay_us: delay.unwrap_or_default(),
            jitter_us: jitter.unwrap_or_default(),
            loss_ppm: self.loss.as_deref().map(loss).transpose()?.unwrap_or_default(),
            rate_bps: self.rate.as_deref().map(rate).transpose()?.unwrap_or_default(),
        };
        match netem == Netem::default() {
            true => Err(("", "this impairs nothing: `delay`, `jitter`, `loss` or `rate`".to_owned())),
            false => Ok(netem),
        }
    }
}

fn time(field: &'static str, text: &str) -> Result<u64, Wrong> {
    /// The kernel counts nanoseconds in 64 bits with a sign; nobody waits for an hour.
    const LIMIT: Duration = Duration::from_secs(3600);
    match humantime::parse_duration(text) {
        Ok(time) if time <= LIMIT => Ok(time.as_micros() as u64),
        Ok(_) => Err((field, format!("`{text}` is more than an hour"))),
        Err(_) => Err((field, format!("`{text}` is not a duration such as 20ms"))),
    }
}

fn loss(text: &str) -> Result<u32, Wrong> {
    let number = text.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    match number.filter(|percent| (0.0..=100.0).contains(percent)) {
        Some(percent) => Ok((percent * 10_000.0).round() as u32),
        None => Err(("loss", format!("`{text}` is not a share such as 0.5%"))),
    }
}

/// tc(8), "Rates": decimal units of bits per second.
fn rate(text: &str) -> Result<u64, Wrong> {
    let lower = text.to_lowercase();
    let units = [("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3), ("bit", 1.0)];
    let read =
        |(unit, factor): &(&str, f64)| Some(lower.strip_suffix(unit)?.trim().parse::<f64>().ok()? * factor);
    match units.iter().find_map(read) {
        // A second of the largest rate is as many bytes as the kernel's counter holds with room to spare.
        Some(bits) if (8.0..=1e15).contains(&bits) => Ok(bits.round() as u64),
        _ => Err(("rate", format!("`{text}` is not a rate such as 10mbit (units: bit, kbit, mbit, gbit)"))),
    }
}

impl Netem {
    /// The arguments of `tc qdisc add ... netem`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.delay_us > 0 {
            words.extend(["delay".to_owned(), shown_time(self.delay_us)]);
        }
        if self.jitter_us > 0 {
            words.push(shown_time(self.jitter_us));
        }
        if self.loss_ppm > 0 {
            words.extend(["loss".to_owned(), format!("{}%", f64::from(self.loss_ppm) / 10_000.0)]);
        }
        if self.rate_bps > 0 {
            words.extend(["rate".to_owned(), shown_rate(self.rate_bps)]);
        }
        words
    }
}

fn shown_time(us: u64) -> String {
    if us.is_multiple_of(1000) { format!("{}ms", us / 1000) } else { format!("{us}us") }
}

fn shown_rate(bps: u64) -> String {
    let units = [(1_000_000_000, "gbit"), (1_000_000, "mbit"), (1000, "kbit"), (1, "bit")];
    let fits = units.iter().find(|(factor, _)| bps.is_multiple_of(*factor));
    fits.map_or_else(String::new, |(factor, unit)| format!("{}{unit}", bps / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(delay: &str, jitter: &str, loss: &str, rate: &str) -> Result<Netem, Wrong> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        NetemFile { delay: some(delay), jitter: some(jitter), loss: some(loss), rate: some(rate) }.resolve()
    }

    #[test]
    fn units_and_limits() {
        let netem = of("20ms", "2ms 500us", "0.5%", "10mbit").unwrap();
        assert_eq!(
            netem,
            Netem { delay_us: 20_000, jitter_us: 2_500, loss_ppm: 5_000, rate_bps: 10_000_000 }
        );
        let words = netem.arguments().join(" ");
        assert_eq!(words, "delay 20ms 2500us loss 0.5% rate 10mbit");
        assert_eq!(of("", "", "100%", "").unwrap().arguments(), ["loss", "100%"]);
        for (wrong, field) in [
            (of("20", "", "", ""), "delay"),
            (of("2h", "", "", ""), "delay"),
            (of("", "2ms", "", ""), "jitter"),
            (of("1ms", "2ms", "", ""), "jitter"),
            (of("", "", "0.5", ""), "loss"),
            (of("", "", "101%", ""), "loss"),
            (of("", "", "NaN%", ""), "loss"),
            (of("", "", "", "10"), "rate"),
            (of("", "", "", "-1mbit"), "rate"),
            (of("", "", "", ""), ""),
        ] {
            assert_eq!(wrong.unwrap_err().0, field);
        }
    }
}
