//! `ansible.utils.validate`.

use super::{Test, test};
use crate::template::filters::validate;

/// The family.
pub(super) const TESTS: &[Test] = &[test("ansible.utils.validate", &["data", "*", "**"], |call| {
    let missing = |what: &str| {
        call.refuse(format!(
            "argspec validation failed for validate test plugin with errors: ['missing \
                 required arguments: {what}']"
        ))
    };
    let criteria = call.keyword("criteria").filter(|criteria| criteria.is_true());
    let criteria = criteria.ok_or_else(|| missing("criteria"))?;
    let option = |name: &str| Ok(call.keyword(name).cloned());
    Ok(validate(call.value()?, criteria, &option)?.is_empty())
})];
