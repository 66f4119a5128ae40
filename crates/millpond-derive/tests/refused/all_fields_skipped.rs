#[derive(millpond_map::IsZero)]
struct Untold {
    #[is_zero(skip)]
    a: u32,
}

fn main() {}
