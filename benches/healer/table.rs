//! Figures with their aims, as text.

use std::fmt;
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    figure: String,
    aim: String,
}

/// Most that a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    None,
    Seconds(f64),
    MebiBytes(f64),
    Count(usize),
}

impl Table {
    pub(crate) fn time(&mut self, what: impl Into<String>, took: Duration, aim: Aim) {
        let seconds = took.as_secs_f64();
        self.row(what.into(), seconds_text(seconds), aim, seconds);
    }

    pub(crate) fn size(&mut self, what: impl Into<String>, bytes: u64, aim: Aim) {
        let mebi = mebi(bytes);
        self.row(what.into(), format!("{mebi:.1} MiB"), aim, mebi);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts for people")]
    pub(crate) fn count(&mut self, what: impl Into<String>, count: usize, aim: Aim) {
        self.row(what.into(), count.to_string(), aim, count as f64);
    }

    /// Megabytes a second, and how many it should be at least.
    pub(crate) fn rate(&mut self, what: impl Into<String>, rate: f64, least: f64) {
        let missed = if rate < least { format!("  missed by {:.1}x", least / rate) } else { String::new() };
        let (figure, aim) = (format!("{rate:.0} MB/s"), format!(">= {least:.0} MB/s{missed}"));
        self.rows.push(Row { what: what.into(), figure, aim });
    }

    /// A figure without an aim.
    pub(crate) fn say(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        self.rows.push(Row { what: what.into(), figure: figure.into(), aim: String::new() });
    }

    fn row(&mut self, what: String, figure: String, aim: Aim, value: f64) {
        let (text, most) = match aim {
            Aim::None => (String::new(), f64::INFINITY),
            Aim::Seconds(most) => (format!("<= {}", seconds_text(most)), most),
            Aim::MebiBytes(most) => (format!("<= {most} MiB"), most),
            #[expect(clippy::cast_precision_loss, reason = "counts for people")]
            Aim::Count(most) => (format!("<= {most}"), most as f64),
        };
        let missed = if value > most { format!("  missed by {:.1}x", value / most) } else { String::new() };
        self.rows.push(Row { what, figure, aim: format!("{text}{missed}") });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Row) -> &str| self.rows.iter().map(|r| of(r).len()).max().unwrap_or(0);
        let (what, figure) = (width(|r| &r.what), width(|r| &r.figure));
        writeln!(f, "\n{:what$}  {:>figure$}  aim", "what", "figure")?;
        for row in &self.rows {
            writeln!(f, "{:what$}  {:>figure$}  {}", row.what, row.figure, row.aim)?;
        }
        Ok(())
    }
}

fn seconds_text(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

#[expect(clippy::cast_precision_loss, reason = "sizes for people")]
pub(crate) fn mebi(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
