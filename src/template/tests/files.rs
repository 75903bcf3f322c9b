//! Files of the controller.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Test, test};
use crate::template::eval::Bound;
use crate::template::failure::Outcome;
use crate::template::python::type_name;
use crate::vars::note_look;

/// The family.
pub(super) const TESTS: &[Test] = &[
    test("exists", &["path"], exists),
    test("file", &["path"], file),
    test("is_file", &["path"], file),
    test("directory", &["path"], directory),
    test("is_dir", &["path"], directory),
    test("link", &["path"], link),
    test("is_link", &["path"], link),
    test("link_exists", &["path"], |call| {
        note_look();
        Ok(path(call, 0, "lstat")?.symlink_metadata().is_ok())
    }),
    test("abs", &["path"], absolute),
    test("is_abs", &["path"], absolute),
    test("same_file", &["path", "other"], same_file),
    test("is_same_file", &["path", "other"], same_file),
    test("mount", &["path"], mount),
    test("is_mount", &["path"], mount),
    test("vaulted_file", &["path"], vaulted),
];

fn vaulted(call: &Bound<'_>) -> Outcome<bool> {
    use std::io::Read as _;
    note_look();
    let path = call.text(0)?;
    let cannot = |error: std::io::Error| {
        call.refuse(format!(
            "Cannot test if the file '{path}' is a vault: {}: b'{path}'",
            python_error(&error)
        ))
    };
    let mut start = [0; 14];
    let mut file = std::fs::File::open(&path).map_err(cannot)?;
    match file.read_exact(&mut start) {
        Ok(()) => Ok(start == *b"$ANSIBLE_VAULT"),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(cannot(error)),
    }
}

/// A path, which must be text; of numbers, which Python's `stat` takes for open files, see
/// COMPATIBILITY.md.
fn path<'a>(call: &'a Bound<'_>, index: usize, function: &str) -> Outcome<&'a Path> {
    let taken = if function == "stat" {
        "string, bytes, os.PathLike or integer"
    } else {
        "string, bytes or os.PathLike"
    };
    let refusal = |class: &str| format!("{function}: path should be {taken}, not {class}");
    call.string_or(index, refusal).map(Path::new)
}

/// An error of the system as Python words it.
fn python_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    match (error.raw_os_error(), text.split(" (os error").next()) {
        (Some(code), Some(words)) => format!("[Errno {code}] {words}"),
        _ => text,
    }
}

fn exists(call: &Bound<'_>) -> Outcome<bool> {
    note_look();
    Ok(path(call, 0, "stat")?.exists())
}

fn file(call: &Bound<'_>) -> Outcome<bool> {
    note_look();
    Ok(path(call, 0, "stat")?.is_file())
}

fn directory(call: &Bound<'_>) -> Outcome<bool> {
    note_look();
    Ok(path(call, 0, "stat")?.is_dir())
}

fn link(call: &Bound<'_>) -> Outcome<bool> {
    note_look();
    Ok(path(call, 0, "lstat")?.is_symlink())
}

fn absolute(call: &Bound<'_>) -> Outcome<bool> {
    let path = call.value()?;
    if path.as_str().is_none() {
        return Err(call.refuse(format!(
            "expected str, bytes or os.PathLike object, not {}",
            type_name(path)
        )));
    }
    Ok(Path::new(&call.text(0)?).is_absolute())
}

fn same_file(call: &Bound<'_>) -> Outcome<bool> {
    note_look();
    let status = |path: &Path| {
        path.metadata().map_err(|error| {
            let error = python_error(&error);
            call.refuse(format!("{error}: '{}'", path.display()))
        })
    };
    let one = status(path(call, 0, "stat")?)?;
    let other = status(path(call, 1, "stat")?)?;
    Ok(one.dev() == other.dev() && one.ino() == other.ino())
}

fn mount(call: &Bound<'_>) -> Outcome<bool> {
    note_look();
    let path = path(call, 0, "lstat")?;
    let (Ok(own), Ok(parent)) = (path.symlink_metadata(), path.join("..").symlink_metadata())
    else {
        return Ok(false);
    };
    let distinct = own.dev() != parent.dev() || own.ino() == parent.ino();
    Ok(own.is_dir() && distinct)
}
