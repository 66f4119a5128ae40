#[derive(millpond_map::IsZero)]
enum Lease {
    #[is_zero]
    Free,
    Held(#[is_zero(skip)] u8),
}

fn main() {}
