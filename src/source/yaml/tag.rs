//! Tags: which there are, and what they fit.

use super::compose::{Result, error};
use super::scalar::ScalarType;
use crate::source::{Problem, Span};

/// A tag as written, resolved to what we do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    Vault,
    Unsafe,
    Scalar(ScalarType),
    Seq,
    Map,
    /// `!!set`: a mapping of which the keys count; a list of them, as variables hold it.
    Set,
    /// `!!omap` and `!!pairs`: a list of mappings with one entry each; pairs of key and value.
    Pairs,
}

/// Whether text below may be a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Template,
    Unsafe,
}

/// Whether a tag fits a list or a mapping.
pub(super) fn collection_tag(tag: Tag, fitting: Tag, span: &Span) -> Result<Trust> {
    match tag {
        Tag::None => Ok(Trust::Template),
        Tag::Unsafe => Ok(Trust::Unsafe),
        _ if tag == fitting => Ok(Trust::Template),
        Tag::Vault => Err(error(Problem::MisplacedTag("!vault".to_owned()), span.clone())),
        Tag::Seq | Tag::Map | Tag::Set | Tag::Pairs | Tag::Scalar(_) => {
            let name = match tag {
                Tag::Seq => "!!seq",
                Tag::Map => "!!map",
                Tag::Set => "!!set",
                Tag::Pairs => "!!pairs",
                _ => "!!str",
            };
            Err(error(Problem::MisplacedTag(name.to_owned()), span.clone()))
        }
    }
}

/// The tag of a node.
pub(super) fn resolve_tag(tag: Option<&str>, span: &Span) -> Result<Tag> {
    let Some(tag) = tag else { return Ok(Tag::None) };
    let Some(core) = tag.strip_prefix("tag:yaml.org,2002:") else {
        return match tag {
            "!" => Ok(Tag::None),
            "!vault" | "!vault-encrypted" => Ok(Tag::Vault),
            "!unsafe" => Ok(Tag::Unsafe),
            _ => Err(error(Problem::UnknownTag(tag.to_owned()), span.clone())),
        };
    };
    Ok(match core {
        "null" => Tag::Scalar(ScalarType::Null),
        "bool" => Tag::Scalar(ScalarType::Bool),
        "int" => Tag::Scalar(ScalarType::Int),
        "float" => Tag::Scalar(ScalarType::Float),
        "timestamp" => Tag::Scalar(ScalarType::Timestamp),
        "str" => Tag::Scalar(ScalarType::Str),
        "seq" => Tag::Seq,
        "map" => Tag::Map,
        "binary" => Tag::Scalar(ScalarType::Binary),
        "set" => Tag::Set,
        "omap" | "pairs" => Tag::Pairs,
        _ => {
            let problem = Problem::UnknownTag(format!("!!{core}"));
            return Err(error(problem, span.clone()));
        }
    })
}
