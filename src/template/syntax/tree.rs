//! The tree of a template.

use std::sync::Arc;

use minijinja::Value;

use super::super::filters::Filter;
use super::super::tests::Test;

/// Bytes of the template's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::template) struct Range {
    /// The first byte.
    pub(in crate::template) start: usize,
    /// One past the last.
    pub(in crate::template) end: usize,
}

/// A template as parsed.
#[derive(Debug)]
pub(in crate::template) struct Template {
    /// What it does, in order.
    pub(in crate::template) body: Vec<Statement>,
    /// Its `{% block %}`s by name.
    pub(in crate::template) blocks: Vec<(Arc<str>, Arc<Vec<Statement>>)>,
}

/// Something of the tree with its place.
#[derive(Debug, Clone)]
pub(in crate::template) struct Node<T> {
    /// What it is.
    pub(in crate::template) kind: T,
    /// Where it stands.
    pub(in crate::template) range: Range,
}

/// What an assignment writes to.
#[derive(Debug)]
pub(in crate::template) enum Target {
    /// A name.
    Name(Arc<str>),
    /// `namespace.attribute`
    Attribute(Arc<str>, Arc<str>),
    /// Several, from one sequence.
    Several(Vec<Target>),
}

/// A `{% for %}`.
#[derive(Debug)]
pub(in crate::template) struct Loop {
    pub(in crate::template) target: Target,
    pub(in crate::template) iterated: Node<Expression>,
    pub(in crate::template) condition: Option<Node<Expression>>,
    pub(in crate::template) recursive: bool,
    pub(in crate::template) body: Vec<Statement>,
    pub(in crate::template) otherwise: Vec<Statement>,
}

/// A `{% macro %}`, or the body of a `{% call %}`.
#[derive(Debug)]
pub(in crate::template) struct Macro {
    pub(in crate::template) name: Arc<str>,
    pub(in crate::template) parameters: Vec<(Arc<str>, Option<Node<Expression>>)>,
    pub(in crate::template) body: Vec<Statement>,
    /// Whether it reads `varargs` or `kwargs`.
    pub(in crate::template) reads: MacroReads,
}

/// Which special names a macro reads; it refuses surplus arguments that it cannot see.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::template) struct MacroReads {
    pub(in crate::template) varargs: bool,
    pub(in crate::template) kwargs: bool,
    pub(in crate::template) caller: bool,
}

/// Whether an included or imported template sees the variables of the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Import {
    WithContext,
    WithoutContext,
}

/// A statement.
#[derive(Debug)]
pub(in crate::template) enum Statement {
    Data(Arc<str>),
    Output(Node<Expression>),
    For(Arc<Loop>),
    If(Vec<(Node<Expression>, Vec<Statement>)>, Vec<Statement>),
    With(Vec<(Target, Node<Expression>)>, Vec<Statement>),
    Set(Target, Node<Expression>),
    SetBlock(Target, Option<Node<Expression>>, Vec<Statement>),
    /// The filters apply to [`Expression::Captured`].
    FilterBlock(Node<Expression>, Vec<Statement>),
    Macro(Arc<Macro>),
    CallBlock(Node<Expression>, Arc<Macro>),
    /// A block, and whether a template that extends this one must fill it.
    Block(Arc<str>, bool),
    Extends(Node<Expression>),
    Include {
        name: Node<Expression>,
        ignore_missing: bool,
        context: Import,
    },
    Import {
        name: Node<Expression>,
        target: Arc<str>,
        context: Import,
    },
    FromImport {
        name: Node<Expression>,
        names: Vec<(Arc<str>, Arc<str>)>,
        context: Import,
    },
    /// `{% do %}`: nothing comes of it.
    Do(Node<Expression>),
    /// `{% break %}`
    Break,
    /// `{% continue %}`
    Continue,
    /// `{% autoescape %}`: nothing is escaped in Ansible's templates.
    Group(Vec<Statement>),
}

/// Arguments of a call.
#[derive(Debug, Default)]
pub(in crate::template) struct Arguments {
    pub(in crate::template) positional: Vec<Node<Expression>>,
    pub(in crate::template) keyword: Vec<(Arc<str>, Node<Expression>)>,
    /// `*args`
    pub(in crate::template) star: Option<Box<Node<Expression>>>,
    /// `**kwargs`
    pub(in crate::template) double_star: Option<Box<Node<Expression>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum ComparisonOperator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

type Child = Box<Node<Expression>>;

/// An expression.
#[derive(Debug)]
pub(in crate::template) enum Expression {
    Constant(Value),
    /// Text with a template inside, as in `lookup('file', '{{ path }}')`.
    Embedded(Arc<str>),
    Name(Arc<str>),
    List(Vec<Node<Expression>>),
    Tuple(Vec<Node<Expression>>),
    Dict(Vec<(Node<Expression>, Node<Expression>)>),
    Negate(Child),
    Positive(Child),
    Not(Child),
    And(Child, Child),
    Or(Child, Child),
    Binary(BinaryOperator, Child, Child),
    Concat(Vec<Node<Expression>>),
    Compare(Child, Vec<(ComparisonOperator, Node<Expression>)>),
    Conditional {
        condition: Child,
        then: Child,
        otherwise: Option<Child>,
    },
    Filter {
        target: Child,
        filter: &'static Filter,
        arguments: Arguments,
    },
    Test {
        target: Child,
        test: &'static Test,
        arguments: Arguments,
    },
    Attribute(Child, Arc<str>),
    Item(Child, Child),
    Slice(Child, [Option<Child>; 3]),
    Call(Child, Arguments),
    /// A filter or test that there is not, guarded by an `if`: the family and the name.
    Unknown(&'static str, Arc<str>),
    /// The text of a filter block or set block.
    Captured,
}
