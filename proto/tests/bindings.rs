//! The committed gRPC bindings are what the `.proto` files say.
//!
//! `RUNNEL_REGENERATE=1 cargo test -p runnel-proto --test bindings` writes them anew.

use std::path::{Path, PathBuf};

const FILES: [&str; 7] = ["cluster", "configs", "error", "groups", "monitor", "records", "topics"];

fn generate(out: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files: Vec<PathBuf> =
        FILES.iter().map(|name| root.join("runnel/v1").join(format!("{name}.proto"))).collect();
    let mut compiler = protox::Compiler::new([&root]).expect("the proto folder is readable");
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files).expect("the .proto files compile");
    let descriptors = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .out_dir(out)
        .compile_fds(descriptors)
        .expect("bindings are generated");
    compiler.include_source_info(false);
    std::fs::write(out.join("runnel.v1.bin"), compiler.encode_file_descriptor_set())
        .expect("the descriptor set is written");
}

#[test]
fn committed_bindings_match_the_proto_files() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    if std::env::var_os("RUNNEL_REGENERATE").is_some() {
        generate(&committed);
    }
    let fresh = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bindings");
    std::fs::create_dir_all(&fresh).expect("a folder for fresh bindings");
    generate(&fresh);
    for name in ["runnel.v1.rs", "runnel.v1.bin"] {
        let want = std::fs::read(fresh.join(name)).expect("just generated");
        let have = std::fs::read(committed.join(name)).unwrap_or_default();
        assert!(want == have, "{name} is out of date: run this test with RUNNEL_REGENERATE=1 and commit");
    }
}
