#[derive(millpond_map::IsZero)]
struct Nothing;

fn main() {}
