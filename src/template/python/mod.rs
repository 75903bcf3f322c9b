//! Python's meaning of values: what they are, how they print, compare and compute.

mod access;
mod arithmetic;
mod class;
mod compare;
mod containers;
mod escape;
mod format;
mod integer;
mod json;
mod json_reader;
mod markup;
mod nesting;
mod random;
mod sets;
mod text;
mod textwrap;

pub(in crate::template) use access::{
    attribute_of, element_at, elements, entries, finalise, finalise_marked, item, length,
    mapping_get, settle, slice, thaw, truth, usable,
};
pub(in crate::template) use arithmetic::{
    absolute, binary, negate, parse_float, parse_integer, parse_whole, round_half_even,
};
pub(in crate::template) use class::{
    Class, as_float, as_integer, class_of, is_mapping, is_sequence, is_text, type_name,
};
pub(in crate::template) use compare::{compare, contains, equal, fold_case, merge_sort, sort_by};
pub(crate) use containers::vaulted;
pub(in crate::template) use containers::{
    Blank, Dict, Group, List, Missing, RangeValue, Undefined, dict, is_changeable, is_undefined,
    list, locked_text, marker_name, omit, string_keys, tuple, undefined,
};
pub(in crate::template) use escape::unescape;
pub(in crate::template) use format::{format_method, format_spec, percent};
pub(in crate::template) use integer::{as_whole, digits, whole, whole_of_float};
pub(in crate::template) use json::{JsonStyle, dump_json, value_from_json};
pub(in crate::template) use json_reader::parse_json;
pub(in crate::template) use markup::{
    escape, escaped, is_markup, like, markup, strip_tags, unescape_html, without_markup,
};
pub(in crate::template) use nesting::{deeper, fits};
pub(in crate::template) use random::Randomness;
pub(in crate::template) use sets::{SetOperation, numbers_of_sets};
pub(in crate::template) use text::{float_text, is_space, repr, repr_text, text};
pub(in crate::template) use textwrap::{Wrapping, wrap};
