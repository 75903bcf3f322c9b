//! The declarations.

/// Declares an enum of accepted words; `A = "a" | "b"` accepts both.
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal $(| $other:literal)*,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            /// The word for it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.word())
            }
        }

        impl $crate::params::ParamValue for $name {
            const KIND: $crate::params::OptionKind = $crate::params::OptionKind::Str;

            fn choices() -> &'static [&'static str] {
                &[$($word, $($other,)*)*]
            }

            fn from_json(value: &serde_json::Value) -> Result<Self, $crate::params::Expected> {
                let text = $crate::params::plain(value);
                match text.as_str() {
                    $($word $(| $other)* => Ok(Self::$variant),)*
                    // `yes` and `no` without quotes are booleans in YAML 1.1
                    _ => match (value.as_bool(), Self::choices()) {
                        $((Some(true), _) if matches!($word, "yes" | "on" | "true") => Ok(Self::$variant),)*
                        $((Some(false), _) if matches!($word, "no" | "off" | "false") => Ok(Self::$variant),)*
                        (_, choices) => Err($crate::params::Expected::Choice(choices)),
                    },
                }
            }
        }
    };
}

/// Declares a parameter struct; see the [module's documentation](crate::params).
///
/// Aliases stand in parentheses after the name; `@secret` masks the value; `@flatten` takes in
/// the options of another parameter struct.
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident {}) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name {}

        impl $crate::params::Params for $name {
            fn options() -> Vec<$crate::params::OptionSpec> {
                Vec::new()
            }

            fn rules() -> Vec<$crate::params::Rule> {
                Vec::new()
            }

            fn read(_reader: &mut $crate::params::Reader<'_>) -> Option<Self> {
                Some(Self {})
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])* $(@$flag:ident)? $field:ident $(($($alias:literal),* $(,)?))? : $ty:ty $(= $default:expr)?,)*
        }
        $(rules [$($rule:expr),* $(,)?])?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name { $($(#[doc = $doc])* pub $field: $ty,)* }

        impl $crate::params::Params for $name {
            fn options() -> Vec<$crate::params::OptionSpec> {
                let mut all = Vec::new();
                $($crate::params!(@spec all, [$($flag)?], $field, [$($($alias),*)?], $ty, [$($default)?], concat!($($doc, "\n"),*));)*
                all
            }

            fn rules() -> Vec<$crate::params::Rule> {
                vec![$($($rule),*)?]
            }

            fn read(reader: &mut $crate::params::Reader<'_>) -> Option<Self> {
                $(let $field = $crate::params!(@read reader, [$($flag)?], $field, [$($($alias),*)?], $ty, [$($default)?]);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
    (@spec $all:ident, [flatten], $field:ident, [], $ty:ty, [], $doc:expr) => {
        $all.extend(<$ty as $crate::params::Params>::options());
    };
    (@spec $all:ident, [$($flag:ident)?], $field:ident, [$($alias:literal),*], $ty:ty, [$($default:expr)?], $doc:expr) => {
        $all.push($crate::params::OptionSpec {
            name: stringify!($field).trim_start_matches("r#"),
            aliases: &[$($alias),*],
            kind: <$ty as $crate::params::ParamValue>::KIND,
            choices: <$ty as $crate::params::ParamValue>::choices(),
            required: $crate::params!(@required $ty, [$($default)?]),
            default: $crate::params!(@default [$($default)?]),
            secret: $crate::params!(@flag [$($flag)?]),
            doc: $doc.trim(),
            check: |value| <$ty as $crate::params::ParamValue>::from_json(value).map(drop),
        });
    };
    (@read $reader:ident, [flatten], $field:ident, [], $ty:ty, []) => {
        <$ty as $crate::params::Params>::read($reader)
    };
    (@read $reader:ident, [$($flag:ident)?], $field:ident, [$($alias:literal),*], $ty:ty, []) => {
        $reader.take::<$ty>(stringify!($field).trim_start_matches("r#"), &[$($alias),*], None)
    };
    (@read $reader:ident, [$($flag:ident)?], $field:ident, [$($alias:literal),*], $ty:ty, [$default:expr]) => {
        $reader.take::<$ty>(stringify!($field).trim_start_matches("r#"), &[$($alias),*], Some($default))
    };
    (@required $ty:ty, []) => { <$ty as $crate::params::ParamValue>::absent().is_none() };
    (@required $ty:ty, [$default:expr]) => { false };
    (@default []) => { None };
    (@default [$default:expr]) => { Some(($default).to_string()) };
    (@flag []) => { false };
    (@flag [secret]) => { true };
}
