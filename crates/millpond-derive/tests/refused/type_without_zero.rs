struct Opaque(u32);

#[derive(millpond_map::IsZero)]
struct Holds {
    opaque: Opaque,
}

fn main() {
    let _ = Opaque(0).0;
}
