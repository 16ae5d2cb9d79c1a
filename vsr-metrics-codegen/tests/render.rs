//! What is rendered from a small catalog.
#![cfg(feature = "render")]

mod sample;

use std::collections::BTreeSet;
use std::time::Duration;

use vsr_metrics_catalog::Catalog;
use vsr_metrics_catalog::model::{Fault, Firing};
use vsr_metrics_codegen::{expand::expand, render::render};

fn file(catalog: &Catalog, path: &str) -> String {
    let file = render(catalog).into_iter().find(|file| file.path == path);
    file.expect("a renderer makes this file").contents
}

#[test]
fn reference() {
    insta::assert_snapshot!(file(&sample::catalog(), "metrics.md"));
}

#[test]
fn methods() {
    insta::assert_snapshot!(file(&sample::catalog(), "methods.md"));
}

#[test]
fn every_file_tells_where_it_comes_from() {
    for file in render(&sample::catalog()) {
        let start: String = file.contents.lines().take(2).collect();
        assert!(start.contains("Generated from the catalog `app` by `cargo xtask gen`"), "{}", file.path);
        assert!(file.contents.ends_with('\n'), "{}", file.path);
    }
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    assert_eq!(render(&sample::catalog()), render(&sample::catalog()));
}

#[test]
fn bars_in_help_do_not_end_a_cell() {
    let mut catalog = sample::catalog();
    catalog.families[10].help = "This | that <b> *here*.".into();
    let vsr_metrics_catalog::model::LabelValues::Enum(values) = &mut catalog.labels[1].values else {
        panic!("the sample's second label is a closed set");
    };
    values[0].help = "Done | over.".into();
    let text = file(&catalog, "metrics.md");
    assert!(text.contains("| `success` | Done \\| over. |"), "{text}");
    assert!(text.contains("This | that \\<b\\> \\*here\\*."), "{text}");
}

/// What alerts did under a fault: which replicas they named, and whether they came again.
#[test]
fn the_playbook_tells_whom_alerts_named() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics.yaml");
    let mut catalog = vsr_metrics_catalog::load(&root).catalog;
    let firing = |alert: &str, replicas: &[u64], times| Firing {
        alert: alert.to_owned(),
        replicas: replicas.to_vec(),
        from: Duration::from_secs(75),
        to: Duration::from_secs(600),
        times,
    };
    catalog.matrix.faults = vec![Fault {
        name: "x".to_owned(),
        about: "It breaks.".to_owned(),
        lasted: Some(Duration::from_secs(60)),
        fired: vec![firing("VsrReplicaLag", &[0, 2], 1), firing("VsrNoLeader", &[], 2)],
    }];
    let page = file(&catalog, "playbook.md");
    let row = page.lines().find(|line| line.starts_with("| It breaks. |")).expect("a row");
    assert!(row.contains("| 0, 2<br>cluster | 1m15s<br>1m15s | 10m<br>10m, came 2 times |"), "{row}");
}

/// The table and the tokens come from the same decisions; this holds it for names, parameters and types.
#[test]
fn the_methods_page_lists_what_is_generated() {
    let catalog = sample::catalog();
    let page = file(&catalog, "methods.md");
    let listed: BTreeSet<String> = page
        .split('`')
        .filter(|text| text.starts_with(|first: char| first.is_ascii_lowercase()) && text.contains('('))
        .map(|text| text.split(" ->").next().unwrap_or(text).to_owned())
        .collect();
    assert_eq!(listed, generated(&catalog));
}

/// `add_jobs(status: Status, amount: u64)` for each public method in the groups' blocks of the expansion.
fn generated(catalog: &Catalog) -> BTreeSet<String> {
    let file: syn::File = syn::parse2(expand(catalog, None)).expect("the expansion is Rust");
    let is_group = |block: &&syn::ItemImpl| !block.attrs.is_empty();
    let blocks = file.items.iter().filter_map(|item| match item {
        syn::Item::Impl(block) => Some(block),
        _ => None,
    });
    let methods = blocks.filter(is_group).flat_map(|block| &block.items).filter_map(|item| match item {
        syn::ImplItem::Fn(method) => Some(&method.sig),
        _ => None,
    });
    methods.map(signature).collect()
}

fn signature(method: &syn::Signature) -> String {
    let parameters = method.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Typed(parameter) => Some(parameter),
        syn::FnArg::Receiver(_) => None,
    });
    let parameters: Vec<String> = parameters
        .map(|parameter| {
            let (syn::Pat::Ident(name), syn::Type::Path(kind)) = (&*parameter.pat, &*parameter.ty) else {
                panic!("parameters are a name and a path");
            };
            let kind = kind.path.segments.last().expect("a path has a segment");
            format!("{}: {}", name.ident, kind.ident)
        })
        .collect();
    format!("{}({})", method.ident, parameters.join(", "))
}
