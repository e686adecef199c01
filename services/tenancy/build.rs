//! Builds again when a migration file is added or changed; they are embedded in the binary.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
