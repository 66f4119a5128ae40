#[derive(millpond_map::IsZero)]
struct Seen {
    count: u32,
    last: std::time::Duration,
}

fn main() {}
