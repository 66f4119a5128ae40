#[derive(millpond_map::IsZero)]
union Either {
    a: u32,
    b: f32,
}

fn main() {}
