//! A query as a tree with places: the parser's tree, joined with what the lexer found.

use std::ops::Range;
use std::time::Duration;

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, LabelModifier, VectorMatchCardinality};

use super::lex::{self, Tokens};

/// An expression and its place in the text.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) node: Node,
    /// Of a selector its name, of a call its function, of an operation its operator.
    pub(super) at: Range<usize>,
}

/// What an expression is.
#[derive(Debug)]
pub(super) enum Node {
    Number(f64),
    Text(String),
    Selector(Selector),
    Call {
        function: String,
        arguments: Vec<Expr>,
    },
    Aggregate {
        operation: String,
        grouping: Option<Grouping>,
        parameter: Option<Box<Expr>>,
        inner: Box<Expr>,
    },
    Binary(Binary),
    Subquery(Box<Expr>),
}

/// Series by name and labels, and a window if there is one.
#[derive(Debug)]
pub(super) struct Selector {
    pub(super) name: Option<String>,
    pub(super) matchers: Vec<Matcher>,
    pub(super) window: Option<(Duration, Range<usize>)>,
}

/// A condition on a label.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) label_at: Range<usize>,
    pub(super) op: MatchOp,
    pub(super) value: String,
    pub(super) value_at: Range<usize>,
}

/// Labels that an operation looks at.
#[derive(Debug)]
pub(super) struct Grouping {
    /// `by` and `on`, as opposed to `without` and `ignoring`.
    pub(super) keeps: bool,
    pub(super) labels: Vec<(String, Range<usize>)>,
}

/// An operation of two expressions.
#[derive(Debug)]
pub(super) struct Binary {
    pub(super) operator: String,
    pub(super) is_comparison: bool,
    pub(super) is_bool: bool,
    pub(super) matching: Option<Grouping>,
    /// The side of which each element meets several of the other, and the labels taken over from there.
    pub(super) many: Option<(Side, Vec<String>)>,
    pub(super) left: Box<Expr>,
    pub(super) right: Box<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Reads a query.
///
/// # Errors
/// With the parser's words.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let ast = parser::parse(text)?;
    let mut tokens = lex::tokens(text);
    Ok(build(text, &ast, &mut tokens))
}

fn build(text: &str, ast: &parser::Expr, tokens: &mut Tokens) -> Expr {
    let whole = 0..text.len();
    match ast {
        parser::Expr::Paren(paren) => build(text, &paren.expr, tokens),
        parser::Expr::Unary(unary) => build(text, &unary.expr, tokens),
        parser::Expr::NumberLiteral(number) => {
            Expr { node: Node::Number(number.val), at: tokens.numbers.pop_front().unwrap_or(whole) }
        }
        parser::Expr::StringLiteral(string) => Expr { node: Node::Text(string.val.clone()), at: whole },
        parser::Expr::VectorSelector(selector) => build_selector(text, selector, None, tokens),
        parser::Expr::MatrixSelector(matrix) => build_selector(text, &matrix.vs, Some(matrix.range), tokens),
        parser::Expr::Subquery(subquery) => {
            let inner = Box::new(build(text, &subquery.expr, tokens));
            Expr { at: inner.at.clone(), node: Node::Subquery(inner) }
        }
        parser::Expr::Call(call) => {
            let at = tokens.words.pop_front().unwrap_or(whole);
            let arguments = call.args.args.iter().map(|argument| build(text, argument, tokens)).collect();
            Expr { node: Node::Call { function: call.func.name.to_owned(), arguments }, at }
        }
        parser::Expr::Aggregate(aggregate) => {
            let at = tokens.words.pop_front().unwrap_or(whole);
            let parameter = aggregate.param.as_ref().map(|one| Box::new(build(text, one, tokens)));
            let inner = Box::new(build(text, &aggregate.expr, tokens));
            let grouping = aggregate.modifier.as_ref().map(|modifier| grouping(text, modifier, tokens));
            let operation = aggregate.op.to_string();
            Expr { node: Node::Aggregate { operation, grouping, parameter, inner }, at }
        }
        parser::Expr::Binary(binary) => {
            let left = Box::new(build(text, &binary.lhs, tokens));
            let at = tokens.operators.pop_front().unwrap_or(whole);
            let right = Box::new(build(text, &binary.rhs, tokens));
            let modifier = binary.modifier.as_ref();
            let matching = modifier.and_then(|one| one.matching.as_ref());
            let many = modifier.and_then(|one| match &one.card {
                VectorMatchCardinality::ManyToOne(labels) => Some((Side::Left, labels.labels.clone())),
                VectorMatchCardinality::OneToMany(labels) => Some((Side::Right, labels.labels.clone())),
                VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => None,
            });
            let node = Node::Binary(Binary {
                operator: binary.op.to_string(),
                is_comparison: binary.op.is_comparison_operator(),
                is_bool: modifier.is_some_and(|one| one.return_bool),
                matching: matching.map(|labels| grouping(text, labels, tokens)),
                many,
                left,
                right,
            });
            Expr { node, at }
        }
        // The parser knows extensions only if they are registered, and none are.
        parser::Expr::Extension(_) => Expr { node: Node::Number(f64::NAN), at: whole },
    }
}

fn build_selector(
    text: &str,
    ast: &parser::VectorSelector,
    window: Option<Duration>,
    tokens: &mut Tokens,
) -> Expr {
    let at = tokens.selectors.pop_front().unwrap_or_default();
    let mut places = at.matchers.into_iter();
    let mut name = ast.name.clone();
    let mut matchers = Vec::new();
    for matcher in &ast.matchers.matchers {
        let (label_at, value_at) = places.next().unwrap_or((at.name.clone(), at.name.clone()));
        if matcher.name == "__name__" {
            if matches!(matcher.op, MatchOp::Equal) {
                name = Some(matcher.value.clone());
            }
            continue;
        }
        let (op, value) = (matcher.op.clone(), matcher.value.clone());
        matchers.push(Matcher { label: matcher.name.clone(), label_at, op, value, value_at });
    }
    let window = window.map(|window| (window, at.window.unwrap_or(0..text.len())));
    Expr { node: Node::Selector(Selector { name, matchers, window }), at: at.name }
}

fn grouping(text: &str, modifier: &LabelModifier, tokens: &Tokens) -> Grouping {
    let place = |label: &str| {
        let found = tokens.groupings.iter().find(|range| &text[(*range).clone()] == label);
        found.cloned().unwrap_or(0..text.len())
    };
    let labels = modifier.labels().labels.iter().map(|label| (label.clone(), place(label))).collect();
    Grouping { keeps: modifier.is_include(), labels }
}

impl Grouping {
    pub(super) fn names(&self, label: &str) -> bool {
        self.labels.iter().any(|(name, _)| name == label)
    }
}

impl Expr {
    /// Calls for every expression, the outer ones first.
    pub(super) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        match &self.node {
            Node::Number(_) | Node::Text(_) | Node::Selector(_) => {}
            Node::Call { arguments, .. } => arguments.iter().for_each(|argument| argument.walk(visit)),
            Node::Aggregate { parameter, inner, .. } => {
                if let Some(parameter) = parameter {
                    parameter.walk(visit);
                }
                inner.walk(visit);
            }
            Node::Subquery(inner) => inner.walk(visit),
            Node::Binary(binary) => {
                binary.left.walk(visit);
                binary.right.walk(visit);
            }
        }
    }
}
