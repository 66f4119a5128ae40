#![forbid(unsafe_code)]
//! Tables for people, rows to files, progress on a terminal.

use crate::bar::{Bar, Of, Verdict};
use crate::contest::Timing;
use crate::error::Error;
use crate::stats::{Summary, ratio};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// One comparison: ours and one rival on one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The suite, as `request`.
    pub suite: String,
    /// The row, as `u64/64`.
    pub row: String,
    /// The rival; `best` stands for the fastest one of the row.
    pub rival: String,
    /// Our median, in `unit`.
    pub ours_ns: f64,
    /// The rival's median, in `unit`.
    pub rival_ns: f64,
    /// Median over rounds of ours divided by the rival's.
    pub ratio: f64,
    /// Half the interquartile range of those ratios over their median.
    pub spread: f64,
    /// `ns`, `bytes`, `calls`, `per_s`, ...
    pub unit: String,
}

/// Where results go.
pub struct Report {
    out: Box<dyn Write>,
    suite: &'static str,
    json: Option<File>,
    csv: Option<File>,
    rows: Vec<Row>,
    progress: bool,
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("suite", &self.suite)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Report {
    /// Opens the files that were asked for; tables go to `out`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when one cannot be created.
    pub fn new(
        out: impl Write + 'static,
        json: Option<&Path>,
        csv: Option<&Path>,
    ) -> Result<Report, Error> {
        let create = |path: &Path| {
            File::create(path)
                .map_err(|e| Error::Usage(format!("cannot write {}: {e}", path.display())))
        };
        let json = json.map(create).transpose()?;
        let mut csv = csv.map(create).transpose()?;
        if let Some(file) = &mut csv {
            writeln!(file, "suite,row,rival,ours_ns,rival_ns,ratio,spread,unit")
                .map_err(|e| Error::Io("writing the CSV file".into(), e))?;
        }
        let progress = io::stderr().is_terminal();
        Ok(Report {
            out: Box::new(out),
            suite: "",
            json,
            csv,
            rows: Vec::new(),
            progress,
        })
    }

    /// Begins a suite; rows from here on belong to it.
    pub fn begin(&mut self, suite: &'static str) {
        self.suite = suite;
        self.rows.clear();
    }

    /// Returns the rows of the suite so far.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Says where the run is, on a line of a terminal that the next one replaces.
    pub fn progress(&self, row: &str, step: &str) {
        if self.progress {
            // A terminal that went away must not end the run.
            let _ = write!(io::stderr(), "\r\x1b[K{}/{row} {step}", self.suite);
        }
    }

    /// Reports a row of a contest: every rival, and the best of them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a file or the output fails; so for all that follow.
    ///
    /// # Panics
    ///
    /// When there is no timing.
    pub fn contest(&mut self, row: &str, unit: &str, timings: &[Timing]) -> Result<(), Error> {
        let (ours, others) = timings.split_first().expect("ours comes first");
        let mine = ours.summary();
        self.heading(row, mine, unit)?;
        let best = others
            .iter()
            .filter(|t| t.is_rival)
            .min_by(|a, b| a.summary().median.total_cmp(&b.summary().median));
        for other in others {
            let name = other.name.clone();
            self.against(row, unit, mine, ours, other, &name)?;
        }
        match best {
            Some(best) => self.against(row, unit, mine, ours, best, "best"),
            // Ours against ours, with something on and off.
            None => Ok(()),
        }
    }

    fn against(
        &mut self,
        row: &str,
        unit: &str,
        mine: Summary,
        ours: &Timing,
        other: &Timing,
        name: &str,
    ) -> Result<(), Error> {
        let theirs = other.summary();
        let ratio = Summary::of_ratios(&ours.ns, &other.ns);
        self.say(&format!(
            "    {:<28} {:>12} ±{:>3.0}%   ratio {:.3} ±{:.0}%\n",
            if name == other.name {
                name.to_owned()
            } else {
                format!("{name} ({})", other.name)
            },
            figure(theirs.median),
            theirs.spread * 100.0,
            ratio.median,
            ratio.spread * 100.0,
        ))?;
        self.record(Row {
            suite: self.suite.into(),
            row: row.into(),
            rival: name.into(),
            ours_ns: mine.median,
            rival_ns: theirs.median,
            ratio: ratio.median,
            spread: ratio.spread,
            unit: unit.into(),
        })
    }

    fn heading(&mut self, row: &str, mine: Summary, unit: &str) -> Result<(), Error> {
        let spread = mine.spread * 100.0;
        let name = format!("{}/{row}", self.suite);
        self.say(&format!(
            "{name:<32} {:>12} ±{spread:>3.0}%   {unit}\n",
            figure(mine.median)
        ))
    }

    /// Reports a comparison of two figures that were taken once.
    ///
    /// # Errors
    ///
    /// As [`contest`](Report::contest).
    pub fn single(
        &mut self,
        row: &str,
        rival: &str,
        ours: f64,
        theirs: f64,
        unit: &str,
    ) -> Result<(), Error> {
        self.pass(Row {
            suite: self.suite.into(),
            row: row.into(),
            rival: rival.into(),
            ours_ns: ours,
            rival_ns: theirs,
            ratio: ratio(ours, theirs),
            spread: 0.0,
            unit: unit.into(),
        })
    }

    /// Reports a row that was compared elsewhere.
    ///
    /// # Errors
    ///
    /// As [`contest`](Report::contest).
    pub fn pass(&mut self, row: Row) -> Result<(), Error> {
        let name = format!("{}/{}", row.suite, row.row);
        self.say(&format!(
            "{name:<36} {:>12} {:<6} {:<16} {:>12}   ratio {:.3} ±{:.0}%\n",
            figure(row.ours_ns),
            row.unit,
            row.rival,
            figure(row.rival_ns),
            row.ratio,
            row.spread * 100.0,
        ))?;
        self.record(row)
    }

    fn record(&mut self, row: Row) -> Result<(), Error> {
        if let Some(file) = &mut self.json {
            // A ratio to nothing is infinite, for which JSON has no number.
            let line = serde_json::to_string(&row).expect("plain data");
            writeln!(file, "{line}").map_err(|e| Error::Io("writing the JSON file".into(), e))?;
        }
        if let Some(file) = &mut self.csv {
            let Row {
                suite,
                row,
                rival,
                ours_ns,
                rival_ns,
                ratio,
                spread,
                unit,
            } = &row;
            writeln!(
                file,
                "{suite},{row},{rival},{ours_ns:.2},{rival_ns:.2},{ratio:.4},{spread:.4},{unit}"
            )
            .map_err(|e| Error::Io("writing the CSV file".into(), e))?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Writes text, in place of the progress line.
    ///
    /// # Errors
    ///
    /// As [`contest`](Report::contest).
    pub fn say(&mut self, text: &str) -> Result<(), Error> {
        if self.progress {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(|e| Error::Io("writing the tables".into(), e))
    }

    /// Prints how the suite fared against its bars; returns how many it missed.
    ///
    /// # Errors
    ///
    /// As [`contest`](Report::contest).
    pub fn judge(&mut self, bars: &[Bar]) -> Result<usize, Error> {
        if bars.is_empty() {
            return Ok(0);
        }
        self.say(&format!("bars of {}\n", self.suite))?;
        let (mut missed, mut not_run) = (0, 0);
        for bar in bars {
            let verdict = match bar.judge(&self.rows) {
                Verdict::Met(is) => format!("met      {is:.3}"),
                Verdict::Missed(is) => {
                    missed += 1;
                    format!("MISSED   {is:.3}")
                }
                Verdict::NotRun => {
                    not_run += 1;
                    continue;
                }
            };
            let of = if bar.of == Of::Ratio { "ratio" } else { "ours" };
            let name = format!("{} against {}", bar.row, bar.rival);
            let at_most = bar.at_most;
            self.say(&format!(
                "    {name:<40} {of} at most {at_most:<6.2} {verdict}\n"
            ))?;
        }
        if not_run > 0 {
            self.say(&format!("    {not_run} of {} not run\n", bars.len()))?;
        }
        Ok(missed)
    }
}

/// Prints a figure with as many digits as mean something.
fn figure(value: f64) -> String {
    if value != 0.0 && value.abs() < 100.0 {
        format!("{value:.2}")
    } else {
        // Thousands apart, since these get read by people.
        let digits = format!("{:.0}", value.abs());
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).expect("digits"))
            .collect();
        format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(1.234), "1.23");
        assert_eq!(figure(1234.4), "1 234");
        assert_eq!(figure(1234567.0), "1 234 567");
    }

    #[test]
    fn the_best_rival_is_the_fastest_that_is_one() {
        let timing = |name: &str, is_rival, ns| Timing {
            name: name.into(),
            is_rival,
            ns,
        };
        let timings = [
            timing("pooled", false, vec![2.0, 2.0, 2.0]),
            timing("millpond-map", false, vec![3.0, 3.0, 3.0]),
            timing("std", true, vec![8.0, 8.0, 8.0]),
            timing("bump", true, vec![4.0, 4.0, 4.0]),
        ];
        let mut report = Report::new(io::sink(), None, None).unwrap();
        report.begin("test");
        report.contest("row", "ns", &timings).unwrap();
        let rivals: Vec<&str> = report.rows().iter().map(|r| r.rival.as_str()).collect();
        assert_eq!(rivals, ["millpond-map", "std", "bump", "best"]);
        let best = &report.rows()[3];
        assert_eq!((best.ours_ns, best.rival_ns, best.ratio), (2.0, 4.0, 0.5));
    }

    #[test]
    fn a_row_is_one_json_object_with_the_stable_names() {
        let mut report = Report::new(io::sink(), None, None).unwrap();
        report.begin("request");
        report
            .single("giant", "before", 12.0, 10.0, "bytes")
            .unwrap();
        assert_eq!(
            serde_json::to_string(&report.rows()[0]).unwrap(),
            r#"{"suite":"request","row":"giant","rival":"before","ours_ns":12.0,"rival_ns":10.0,"ratio":1.2,"spread":0.0,"unit":"bytes"}"#
        );
    }
}
