#[derive(millpond_map::IsZero)]
#[is_zero(skip)]
struct Odd {
    a: u32,
}

fn main() {}
