//! The variables of a host: many scopes, one ordered view.
