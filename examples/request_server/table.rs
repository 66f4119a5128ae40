#![forbid(unsafe_code)]
//! The demo's results, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::demo::{Comparison, Outcome};
use super::maps::Source;
use super::memory::{GIANT_LINES, Held};

/// One figure of every source, in the order of [`Source::ALL`].
struct Row {
    name: &'static str,
    values: Vec<f64>,
    unit: Unit,
    /// Spread of each source's rounds, where it has rounds.
    spreads: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    PerSecond,
    Micros,
    Count,
    Bytes,
    Percent,
}

/// Prints the tables.
pub(crate) fn print(
    out: &mut impl Write,
    comparisons: &[Comparison],
    memory: &[Held],
) -> io::Result<()> {
    for comparison in comparisons {
        let requests: u64 = comparison
            .outcomes
            .iter()
            .map(|outcome| outcome.figures.requests)
            .sum();
        writeln!(
            out,
            "\nPOST /{}   {} different bodies of {} on average; {requests} requests in {} rounds each",
            comparison.endpoint.name(),
            comparison.bodies,
            human_bytes(comparison.mean_body_bytes as f64),
            comparison.outcomes[0].requests_per_second.len(),
        )?;
        print_rows(out, &rows(comparison))?;
    }
    writeln!(
        out,
        "\nMemory   a process for each source: usual requests, rest, one of {GIANT_LINES} lines all different, rest"
    )?;
    print_rows(out, &memory_rows(memory))?;
    let base = Source::BASE.name();
    writeln!(
        out,
        "\nx: against {base}. Clients and server share this machine; the handler rows are the server alone. \
         All sources are on the same global allocator; allocations are its own, blocks lent are those of maps too."
    )
}

/// Writes one JSON object for each row and rival, in the benchmark runner's form.
///
/// `ratio` is ours by the rival's: under 1 is faster, or smaller.
pub(crate) fn write_json(
    mut out: impl Write,
    comparisons: &[Comparison],
    memory: &[Held],
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        suite: &'static str,
        row: String,
        rival: &'a str,
        ours_ns: f64,
        rival_ns: f64,
        ratio: f64,
        spread: f64,
        unit: &'static str,
    }
    let log_and_group = comparisons.iter().flat_map(|comparison| {
        rows(comparison)
            .into_iter()
            .map(|row| (comparison.endpoint.name(), row))
    });
    let memory = memory_rows(memory).into_iter().map(|row| ("memory", row));
    for (part, row) in log_and_group.chain(memory) {
        let (scale, unit) = match row.unit {
            Unit::Micros => (1e3, "ns"),
            Unit::PerSecond => (1e9, "ns"), // as time per request, so that less is better here too
            Unit::Count => (1.0, "count"),
            Unit::Bytes => (1.0, "bytes"),
            Unit::Percent => continue,
        };
        let value = |value: f64| {
            if row.unit == Unit::PerSecond {
                scale / value
            } else {
                scale * value
            }
        };
        let ours = Source::DEFAULT as usize;
        for rival in Source::ALL
            .into_iter()
            .filter(|&rival| rival != Source::DEFAULT)
        {
            let (ours_ns, rival_ns) = (value(row.values[ours]), value(row.values[rival as usize]));
            let line = Line {
                suite: "request",
                row: format!("server/{part}/{}", row.name),
                rival: rival.name(),
                ours_ns,
                rival_ns,
                ratio: match (ours_ns, rival_ns) {
                    (0.0, 0.0) => 1.0,
                    (_, 0.0) => 1e9, // none: a number that nobody overlooks
                    _ => ours_ns / rival_ns,
                },
                spread: row.spreads.get(ours).copied().unwrap_or(0.0),
                unit,
            };
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        }
    }
    out.flush()
}

fn rows(comparison: &Comparison) -> Vec<Row> {
    let row = |name, unit, of: &dyn Fn(&Outcome) -> f64| Row {
        name,
        values: comparison.outcomes.iter().map(of).collect(),
        unit,
        spreads: Vec::new(),
    };
    let latency = |quantile| {
        move |outcome: &Outcome| outcome.latency.value_at_quantile(quantile) as f64 / 1e3
    };
    let mut rows = vec![
        row("requests/s", Unit::PerSecond, &|outcome| {
            median(&outcome.requests_per_second)
        }),
        row("latency p50", Unit::Micros, &latency(0.5)),
        row("latency p99", Unit::Micros, &latency(0.99)),
        row("latency p99.9", Unit::Micros, &latency(0.999)),
        row("handler p50", Unit::Micros, &|outcome| {
            outcome.figures.quantile_us(0.5)
        }),
        row("handler mean", Unit::Micros, &|outcome| {
            outcome.figures.mean_us()
        }),
        row("allocations/request", Unit::Count, &|outcome| {
            outcome.figures.per_request(outcome.figures.allocations)
        }),
        row("allocated/request", Unit::Bytes, &|outcome| {
            outcome.figures.per_request(outcome.figures.allocated_bytes)
        }),
        row("blocks lent/request", Unit::Count, &|outcome| {
            outcome.lends.blocks
        }),
        row("OS calls/request", Unit::Count, &|outcome| {
            outcome.lends.os_calls
        }),
        row(
            "maps right-sized",
            Unit::Percent,
            &|outcome| match outcome.maps {
                0 => f64::NAN, // not pooled
                maps => 100.0 * outcome.right_sized as f64 / maps as f64,
            },
        ),
    ];
    rows[0].spreads = comparison
        .outcomes
        .iter()
        .map(|outcome| spread(&outcome.requests_per_second))
        .collect();
    rows[5].spreads = comparison
        .outcomes
        .iter()
        .map(|outcome| spread(&outcome.handler_mean_us))
        .collect();
    rows
}

fn memory_rows(memory: &[Held]) -> Vec<Row> {
    let row = |name, unit, of: fn(&Held) -> f64| Row {
        name,
        values: memory.iter().map(of).collect(),
        unit,
        spreads: Vec::new(),
    };
    vec![
        row("RSS before", Unit::Bytes, |held| held.before_bytes as f64),
        row("RSS peak", Unit::Bytes, |held| held.peak_bytes as f64),
        row("RSS idle", Unit::Bytes, |held| held.after_bytes as f64),
        row("idle/before", Unit::Percent, |held| {
            100.0 * held.after_bytes as f64 / held.before_bytes.max(1) as f64
        }),
    ]
}

fn print_rows(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    write!(out, "  {:<26}", "")?;
    for source in Source::ALL {
        write!(out, "{:>10}{:>6}", source.name(), "")?;
    }
    writeln!(out)?;
    for row in rows {
        write!(out, "  {:<26}", row.name)?;
        let base = row.values[Source::BASE as usize];
        for (source, &value) in Source::ALL.into_iter().zip(&row.values) {
            let text = match row.unit {
                _ if value.is_nan() => "-".into(),
                Unit::PerSecond => format!("{value:.0} /s"),
                Unit::Micros if value >= 1e4 => format!("{:.1} ms", value / 1e3),
                Unit::Micros => format!("{value:.1} us"),
                Unit::Count => format!("{value:.2}"),
                Unit::Bytes => human_bytes(value),
                Unit::Percent => format!("{value:.1} %"),
            };
            let ratio = (source != Source::BASE && row.unit != Unit::Percent && base > 0.0)
                .then(|| format!("x{:.2}", value / base));
            write!(out, "{text:>10}{:>6}", ratio.unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn human_bytes(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        bytes if bytes >= 1e3 => format!("{:.1} KB", bytes / 1e3),
        bytes => format!("{bytes:.0} B"),
    }
}

/// Returns the middle of `values`, zero when there is none.
fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the width of the middle half of `values` by their median.
fn spread(values: &[f64]) -> f64 {
    let median = median(values);
    if median > 0.0 {
        (quantile(values, 0.75) - quantile(values, 0.25)) / median
    } else {
        0.0
    }
}

fn quantile(values: &[f64], quantile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1)) as f64 * quantile;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(below), Some(above)) => below + (above - below) * place.fract(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(spread(&[1.0, 2.0, 3.0, 4.0, 5.0]), 2.0 / 3.0);
    }

    #[test]
    fn bytes_are_written_for_people() {
        assert_eq!(
            [999.0, 1_000.0, 2_500_000.0].map(human_bytes),
            ["999 B", "1.0 KB", "2.5 MB"]
        );
    }
}
