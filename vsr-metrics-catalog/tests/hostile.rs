//! Broken and hostile input: never a panic, never a long wait, and every finding points into the text.

use std::fmt::Write;

use vsr_metrics_catalog::{MAX_BYTES, Outcome, SourceFile};

const SOUND: &str = include_str!("ui/sound.yaml");

fn compile(text: &str) -> Outcome {
    vsr_metrics_catalog::compile(SourceFile::new("hostile.yaml", text))
}

/// A small generator of random numbers, seeded, so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

fn mutate(random: &mut Random, text: &str) -> String {
    const PIECES: [&str; 16] =
        ["\t", ":", " ", "- ", "[", "]", "{", "}", "&a ", "*a", "\"", "'", "|", "\u{feff}", "🦀", "\n  "];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(characters.len());
        let to = (at + random.below(12)).min(characters.len());
        match random.below(3) {
            0 => drop(characters.drain(at..to)),
            1 => drop(characters.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
            _ => characters.splice(at..at, text.chars().skip(random.below(400)).take(30)).for_each(drop),
        }
    }
    characters.into_iter().collect()
}

#[test]
fn random_damage_is_told_with_a_place_in_the_text() {
    let mut random = Random(7);
    for _ in 0..3_000 {
        let text = mutate(&mut random, SOUND);
        let outcome = compile(&text);
        for finding in &outcome.diagnostics {
            let rendered = finding.render(&outcome.source);
            let line = usize::try_from(finding.span.line).expect("small");
            assert!(line <= text.lines().count() + 1, "{rendered}\nin\n{text}");
            assert!(finding.span.column >= 1, "{rendered}\nin\n{text}");
        }
    }
}

#[test]
fn bombs_are_refused() {
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n";
    assert!(compile(laughs).diagnostics.has_errors());
    assert!(compile(&"[".repeat(100_000)).diagnostics.has_errors());
    assert!(compile(&"- ".repeat(100_000)).diagnostics.has_errors());
    assert!(compile(&"x".repeat(MAX_BYTES + 1)).diagnostics.has_errors());
    assert!(compile(&"a: b\n".repeat(100_000)).diagnostics.has_errors());
}

/// A long key stands in the path of everything below it.
#[test]
fn long_keys_make_no_gigabytes() {
    let long = "k".repeat(1_000_000);
    let outcome = compile(&format!("? {long}\n: [{}]", "a,".repeat(500_000)));
    let codes: Vec<_> = outcome.diagnostics.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["too-large"]);
    let names =
        format!("catalog: {{ name: x }}\nmetrics:\n  ? {long}\n  : {{}}\nlabels:\n  ? {long}x\n  : {{}}\n");
    let names = names + &format!("rules: {{ r: {{ expr: app_{long} }} }}\nexceptions: [{{ lint: {long} }}]");
    let began = std::time::Instant::now();
    assert!(compile(&names).diagnostics.has_errors());
    // To compare two of these names takes minutes.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

/// A file is read to its limit and no further.
#[test]
#[cfg(unix)]
fn files_without_end_are_refused() {
    let outcome = vsr_metrics_catalog::load(std::path::Path::new("/dev/zero"));
    assert_eq!(outcome.diagnostics.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["too-large"]);
}

#[test]
fn ten_thousand_families_compile() {
    let mut text =
        "catalog: { name: app, prefix: app_, version: 1.0.0, series_budget: 10000 }\nmetrics:\n".to_owned();
    for index in 0..10_000 {
        writeln!(text, "  app_m{index}_total: {{ type: counter, group: all, help: One of many. }}")
            .expect("a string");
    }
    let outcome = compile(&text);
    assert!(outcome.diagnostics.is_empty(), "{}", outcome.diagnostics.render_all(&outcome.source));
    assert_eq!(outcome.catalog.families.len(), 10_000);
}

#[test]
fn thousands_of_mistakes_take_no_minutes() {
    let mut text =
        "catalog: { name: app, prefix: app_, version: 1.0.0, series_budget: 10000 }\nmetrics:\n".to_owned();
    for index in 0..1_000 {
        writeln!(text, "  app_m{index}_total: {{ typ: counter, group: all, help: One of many. }}")
            .expect("a string");
    }
    text += "rules:\n";
    for index in 0..3_000 {
        writeln!(text, "  \"app:m{index}:sum\": {{ expr: sum(app_n{index}_total) }}").expect("a string");
    }
    let began = std::time::Instant::now();
    let outcome = compile(&text);
    assert_eq!(outcome.diagnostics.iter().count(), 4_000);
    assert!(outcome.diagnostics.render_all(&outcome.source).len() > 100_000);
    // Seconds, on a machine that is busy; without limits it was minutes.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
