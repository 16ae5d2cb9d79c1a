//! Any text compiles to findings: no panic, and rendering them works as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vsr_metrics_catalog::{SourceFile, compile};

fuzz_target!(|text: &str| {
    let outcome = compile(SourceFile::new("fuzz.yaml", text));
    let _ = outcome.diagnostics.render_all(&outcome.source);
});
