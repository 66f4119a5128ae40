#[derive(millpond_map::IsZero)]
struct Marker {
    nothing: (),
}

fn main() {}
