#![forbid(unsafe_code)]
//! A snapshot as a table for people.

use std::fmt::{self, Display, Formatter};

use crate::snapshot::{MapPoolStats, MapStats, PoolStats, Snapshot};

/// A number of bytes as people read it: three digits and a binary unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size(pub(crate) u64);

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // What would be written as 1024 is the next unit's 1.
        while size >= 1023.95 && unit + 1 < units.len() {
            size /= 1024.0;
            unit += 1;
        }
        let digits = usize::from(size < 99.95);
        f.pad(&format!("{size:.digits$} {}", units[unit]))
    }
}

/// A part of a whole as a percentage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Percent(pub(crate) f64);

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.1} %", self.0 * 100.0))
    }
}

/// Rows of cells, the first row its head; the first column is left-aligned.
struct Grid(Vec<Vec<String>>);

macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($cell.to_string()),*] };
}

impl Display for Grid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let mut line = String::from(" ");
            for (column, cell) in row.iter().enumerate() {
                let width = widths.get(column).copied().unwrap_or(0);
                line += &match column {
                    0 => format!(" {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl Display for Snapshot {
    /// Writes a table: the allocator, then pools, map pools with their call sites, arenas and
    /// maps, as far as there are any.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let allocator = &self.allocator;
        write!(
            f,
            "allocator  live {}, retained {}, in caches of threads {}, mapped {}",
            Size(allocator.live_bytes),
            Size(allocator.retained_bytes),
            Size(allocator.thread_cached_bytes),
            Size(allocator.mapped_bytes),
        )?;
        if let Some(bytes) = self.process.resident_bytes {
            write!(f, "; process resident {}", Size(bytes))?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "           blocks lent {}, taken back {}; system calls {}; threads {}; given back {}",
            allocator.allocations,
            allocator.frees,
            allocator.os_calls,
            allocator.heaps,
            Size(allocator.released_bytes),
        )?;
        section(f, "pools", &self.pools, pool_head, pool_row)?;
        section(
            f,
            "map pools",
            &self.map_pools,
            map_pool_head,
            map_pool_rows,
        )?;
        if !self.arenas.is_empty() {
            let mut grid = vec![row!["arenas", "live blocks", "slabs", "large blocks"]];
            grid.extend(self.arenas.iter().map(|arena| {
                let (slabs, large) = (Size(arena.slab_bytes), Size(arena.large_bytes));
                row![arena.name, arena.live_blocks, slabs, large]
            }));
            write!(f, "\n{}", Grid(grid))?;
        }
        section(f, "maps", &self.maps, map_head, map_row)
    }
}

fn section<T>(
    f: &mut Formatter<'_>,
    title: &str,
    rows: &[T],
    head: fn(&str) -> Vec<String>,
    cells: fn(&T) -> Vec<Vec<String>>,
) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let mut grid = vec![head(title)];
    grid.extend(rows.iter().flat_map(cells));
    write!(f, "\n{}", Grid(grid))
}

fn pool_head(title: &str) -> Vec<String> {
    row![title, "gets", "hit", "out", "kept", "bytes kept", "dropped"]
}

fn pool_row(pool: &PoolStats) -> Vec<Vec<String>> {
    vec![row![
        pool.name,
        pool.gets(),
        Percent(pool.hit_rate()),
        pool.outstanding_items,
        pool.retained_items,
        Size(pool.retained_bytes()),
        pool.discards(),
    ]]
}

fn map_pool_head(title: &str) -> Vec<String> {
    row![
        title,
        "checkouts",
        "right-sized",
        "out",
        "bytes at checkout",
        "capacity"
    ]
}

fn map_pool_rows(pool: &MapPoolStats) -> Vec<Vec<String>> {
    let mut rows = vec![row![
        pool.name,
        pool.checkouts,
        Percent(pool.hit_rate()),
        pool.outstanding_maps,
        Size(pool.outstanding_bytes),
        "",
    ]];
    rows.extend(pool.call_sites.iter().map(|site| {
        row![
            format!("  {}", site.place),
            site.checkouts,
            "",
            site.outstanding_maps,
            Size(site.outstanding_bytes),
            site.capacity_entries,
        ]
    }));
    rows
}

fn map_head(title: &str) -> Vec<String> {
    row![
        title,
        "entries",
        "not zero",
        "capacity",
        "slabs",
        "metadata",
        "probe groups",
        "rehashes",
        "clears"
    ]
}

fn map_row(map: &MapStats) -> Vec<Vec<String>> {
    vec![row![
        map.name,
        map.entries,
        map.nonzero_entries
            .map_or("–".to_owned(), |entries| entries.to_string()),
        map.capacity_entries,
        Size(map.slab_bytes),
        Size(map.metadata_bytes),
        format!("{:.2}", map.probe_groups),
        map.rehashes,
        map.clears,
    ]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_the_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (100 << 10, "100 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (33 << 30, "33.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert_eq!(Percent(0.987).to_string(), "98.7 %");
        assert_eq!(format!("{:>8}", Size(10)), "    10 B");
    }
}
