//! One mistake a file, and the file's name is the mistake.

#[test]
fn mistakes() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/call_sites/*.rs");
    cases.compile_fail("tests/catalogs/*.rs");
}
