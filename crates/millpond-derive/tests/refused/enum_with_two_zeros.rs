#[derive(millpond_map::IsZero)]
enum Lease {
    #[is_zero]
    Free,
    #[is_zero]
    Held,
}

fn main() {}
