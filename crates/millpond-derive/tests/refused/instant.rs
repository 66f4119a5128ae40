#[derive(millpond_map::IsZero)]
struct Seen(std::time::Instant);

fn main() {}
