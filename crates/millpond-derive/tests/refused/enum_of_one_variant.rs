#[derive(millpond_map::IsZero)]
enum One {
    #[is_zero]
    Only,
}

fn main() {}
