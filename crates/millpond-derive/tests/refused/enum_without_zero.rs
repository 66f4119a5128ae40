#[derive(millpond_map::IsZero)]
enum Lease {
    Free,
    Held,
}

fn main() {}
