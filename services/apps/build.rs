//! Builds again when a manifest is added or changed; they are embedded in the binary.

fn main() {
    println!("cargo:rerun-if-changed=manifests");
}
