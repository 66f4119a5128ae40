#[derive(millpond_map::IsZero)]
enum Lease {
    #[is_zero(skip)]
    Free,
    Held,
}

fn main() {}
