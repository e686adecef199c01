//! The page is built by npm (`make console`), not here: a program without it says so in its place.

fn main() {
    println!("cargo:rerun-if-changed=web/dist");
}
