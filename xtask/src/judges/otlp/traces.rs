//! Spans of a cluster, as a real collector received them: their names, whose children they are, and when they were.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Collector, free_port, read};
use crate::judges::{scratch, tools};
use crate::test::{End, output_of};
use crate::workspace;

/// The wholes, and the phases that each must have.
const WHOLES: [(&str, &[&str]); 4] = [
    ("operation", &["prepare", "quorum", "commit", "apply"]),
    ("view_change", &["agree", "install"]),
    ("recovery", &["ask", "install"]),
    ("state_transfer", &["fetch", "install"]),
];

/// Clocks are read one after the other, on a machine that does other things, too. In nanoseconds.
const TOLERANCE: u64 = 1_000_000_000;

/// The program has one request under way when it has the primary crash, so one operation may be cut off: executed, and
/// nobody told.
const CUT_OFF: usize = 1;

/// A span as the collector prints it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    /// In nanoseconds since 1970, like the end.
    start: u64,
    end: u64,
    replica: String,
}

/// What the program says that there must be.
#[derive(Debug, Default, PartialEq)]
struct Told(BTreeMap<String, usize>);

/// A cluster goes through everything that is traced, and the collector has it all.
pub fn trace() -> End {
    match tools::rotel() {
        Ok(program) => End::from(scratch("traces").and_then(|directory| run(&program, &directory))),
        Err(remedy) => End::LeftOut(remedy),
    }
}

fn run(program: &Path, directory: &Path) -> Result<(), String> {
    let mut traced = workspace::program("examples/traced")?;
    let (log, ports) = (directory.join("collector"), [free_port()?, free_port()?]);
    let collector = Collector::start(program, "traces", ports, &log)?;
    let began = now();
    let endpoint = format!("http://127.0.0.1:{}", ports[1]);
    let printed = output_of(traced.arg(&endpoint))?;
    let ended = now();
    let told = Told::printed(&printed).ok_or_else(|| format!("unexpected `{printed}`"))?;
    // The last words of the collector reach its log within moments.
    let waited = Instant::now();
    let mut spans = Span::logged(&read(&log)?);
    let wholes = |spans: &[Span]| spans.iter().filter(|span| span.parent.is_empty()).count();
    while wholes(&spans) < told.of("operation") + 3 && waited.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(100));
        spans = Span::logged(&read(&log)?);
    }
    drop(collector);
    judge(&spans, &told, began - TOLERANCE, ended + TOLERANCE)
}

/// Whether the spans are those that there must be, all of them within that time.
fn judge(spans: &[Span], told: &Told, began: u64, ended: u64) -> Result<(), String> {
    let odd = spans.iter().find(|span| span.start < began || span.end < span.start || span.end > ended);
    if let Some(span) = odd {
        return Err(format!("not within {began} to {ended}: {span:?}"));
    }
    let ids: BTreeSet<_> = spans.iter().map(|span| (&span.trace, &span.id)).collect();
    if ids.len() != spans.len() {
        return Err("two spans have one identity".into());
    }
    for (name, phases) in WHOLES {
        let wholes: Vec<_> =
            spans.iter().filter(|span| span.name == name && span.parent.is_empty()).collect();
        let expected = told.of(name);
        // A span that finds no room is dropped, and counted. Of a view change each replica counts its own part.
        let is_short = name != "view_change" && wholes.len() + told.of("dropped") < expected;
        if wholes.is_empty() || wholes.len() > expected || is_short {
            return Err(format!("{expected} of `{name}`, {} arrived: {told:?}", wholes.len()));
        }
        let complete = wholes.iter().filter(|whole| {
            let own: Vec<_> = spans.iter().filter(|span| span.parent == whole.id).collect();
            own.iter().all(|span| span.trace == whole.trace)
                && phases.iter().all(|phase| own.iter().any(|span| span.name == *phase))
        });
        let incomplete = wholes.len() - complete.count();
        if incomplete > told.of("dropped") + if name == "operation" { CUT_OFF } else { 0 } {
            return Err(format!("{incomplete} of `{name}` lack a phase of {phases:?}"));
        }
        wholes.iter().try_for_each(|whole| in_order(whole, spans, phases))?;
    }
    Ok(())
}

/// The phases of the replica that tells of the whole begin with it, follow each other, and end with it.
fn in_order(whole: &Span, spans: &[Span], phases: &[&str]) -> Result<(), String> {
    let own = |name: &str| {
        let is_own = |span: &&Span| span.parent == whole.id && span.replica == whole.replica;
        spans.iter().filter(is_own).find(|span| span.name == name)
    };
    let phases: Vec<_> = phases.iter().filter_map(|phase| own(phase)).collect();
    let wrong = |what: &str| Err(format!("{what}: {whole:?}, {phases:?}"));
    // Those two are told together with the whole, by one clock.
    let [first, second, ..] = phases[..] else { return Ok(()) };
    let are_first = [("prepare", "quorum"), ("agree", "install"), ("ask", "install"), ("fetch", "install")];
    if are_first.contains(&(&first.name, &second.name))
        && (first.start != whole.start || first.end != second.start || second.end > whole.end)
    {
        return wrong("the first two phases do not begin the whole");
    }
    // The others read their own.
    if phases.windows(2).any(|pair| pair[1].end + TOLERANCE < pair[0].end) {
        return wrong("the phases do not follow each other");
    }
    Ok(())
}

impl Told {
    /// From the program's line: `operation=300 …`.
    fn printed(text: &str) -> Option<Self> {
        let line = text.lines().rfind(|line| line.starts_with("operation="))?;
        let pairs = line.split_whitespace().map(|pair| {
            let (name, number) = pair.split_once('=')?;
            Some((name.to_owned(), number.parse().ok()?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }
}

impl Span {
    /// From the collector's log.
    fn logged(text: &str) -> Vec<Self> {
        let mut spans: Vec<Self> = Vec::new();
        for line in text.lines() {
            if line.starts_with("Span #") {
                spans.push(Self::default());
            }
            let Some(span) = spans.last_mut() else { continue };
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key.trim() {
                "Trace ID" => value.clone_into(&mut span.trace),
                "Parent ID" => value.clone_into(&mut span.parent),
                "ID" => value.clone_into(&mut span.id),
                "Name" => value.clone_into(&mut span.name),
                "Start time" => span.start = value.parse().unwrap_or(0),
                "End time" => span.end = value.parse().unwrap_or(0),
                "-> replica" => value.clone_into(&mut span.replica),
                _ => {}
            }
        }
        spans
    }
}

/// The calendar, in nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, id: &str, parent: &str, start: u64, end: u64) -> Span {
        let text = |text: &str| text.to_owned();
        let (trace, replica) = (text(&format!("t{}", parent.len().max(id.len()))), text("Int(0)"));
        Span { trace, id: text(id), parent: text(parent), name: text(name), start, end, replica }
    }

    /// One of everything, as it should be.
    fn sound() -> (Vec<Span>, Told) {
        let mut spans = Vec::new();
        for (name, phases) in WHOLES {
            spans.push(span(name, name, "", 10, 10 + 10 * phases.len() as u64));
            for (place, phase) in phases.iter().enumerate() {
                let start = 10 + 10 * place as u64;
                let mut phase = span(phase, &format!("{name}-{phase}"), name, start, start + 10);
                phase.trace.clone_from(&spans.iter().find(|span| span.name == name).expect("pushed").trace);
                spans.push(phase);
            }
        }
        let line = "operation=1 view_change=1 recovery=1 state_transfer=1 dropped=0";
        (spans, Told::printed(line).expect("it is one"))
    }

    #[test]
    fn each_thing_that_can_be_wrong_with_a_trace_is_found() {
        type Spoil = fn(&mut Vec<Span>);
        let (spans, told) = sound();
        assert_eq!(judge(&spans, &told, 10, 100), Ok(()));
        let faults: [(&str, Spoil); 8] = [
            ("a phase is missing", |spans| drop(spans.pop())),
            ("a phase has another name", |spans| spans[6].name = "other".into()),
            ("a phase has another parent", |spans| spans[6].parent = "nobody".into()),
            ("a phase is in another trace", |spans| spans[6].trace = "another".into()),
            ("a phase begins before the whole", |spans| spans[1].start = 9),
            ("a phase ends before it begins", |spans| spans[1].end = 9),
            ("phases overlap", |spans| spans[2].start -= 1),
            ("two have one identity", |spans| spans[2].id = spans[1].id.clone()),
        ];
        for (name, spoil) in faults {
            let mut spans = spans.clone();
            spoil(&mut spans);
            assert!(judge(&spans, &told, 10, 100).is_err(), "{name}");
        }
        assert!(judge(&spans, &told, 11, 100).is_err(), "before the beginning");
    }

    #[test]
    fn the_log_is_read() {
        let log = "ScopeSpans #0\nSpan #0\n    Trace ID       : t\n    Parent ID      : \n    ID             : i\n    \
            Name           : prepare\n    Kind           : SPAN_KIND_INTERNAL\nStart time: 5\nEnd time: 7\n\
            Attributes:\n     -> number: Int(1)\n     -> replica: Int(0)\n";
        let mut expected = span("prepare", "i", "", 5, 7);
        expected.trace = "t".to_owned();
        assert_eq!(Span::logged(log), [expected]);
    }
}
