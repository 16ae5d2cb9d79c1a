//! Whatever stands in the kernel's files: no panic, and no number that is not in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vsr_metrics::snapshot;

#[path = "../../src/sampler/parse.rs"]
mod parse;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (major, minor, text) = input;
    let digits = text.iter().any(u8::is_ascii_digit);
    let found = [
        parse::resident_pages(text).is_some(),
        parse::disk_bytes(text).is_some(),
        parse::disk_operations(text, (major.into(), minor.into())).is_some(),
        parse::network_bytes(text).is_some(),
        parse::cpu_quota(text).is_some(),
    ];
    assert!(digits || found == [false; 5], "a number came out of nowhere");
    assert!(parse::cpu_quota(text).is_none_or(|cpus| cpus.is_finite() && cpus > 0.0));
    if let Some(pages) = parse::resident_pages(text) {
        // As it stands there, leading zeros aside.
        let written = pages.to_string();
        assert!(text.windows(written.len()).any(|bytes| bytes == written.as_bytes()));
    }
    let _ = parse::unified_group(text);
});
