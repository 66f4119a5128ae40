#[derive(millpond_map::IsZero)]
struct Odd {
    #[is_zero]
    a: u32,
    #[is_zero(skipp)]
    b: u32,
    #[is_zero(skip, with = f)]
    c: u32,
}

fn main() {}
