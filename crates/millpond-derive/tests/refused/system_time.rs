#[derive(millpond_map::IsZero)]
struct Seen {
    at: Option<u32>,
    last: std::time::SystemTime,
}

fn main() {}
