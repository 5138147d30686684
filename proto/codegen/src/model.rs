//! What is to be written: a message's structs and fields, seen from its valid versions. Fields that no valid version
//! has are gone, and conditions that always hold are simplified.

use std::collections::BTreeMap;

use crate::definition::{self, Definition, Kind, Versions};

pub struct Message {
    pub name: String,
    pub api_key: Option<i16>,
    pub versions: Versions,
    pub flexible: Versions,
    /// The message itself, then those within in the order of first use.
    pub structs: Vec<Struct>,
}

pub struct Struct {
    pub name: String,
    /// Those in which it can occur.
    pub versions: Versions,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    pub kind: Type,
    pub versions: Versions,
    pub nullable: Versions,
    pub tag: Option<u32>,
    /// Keeps the classic form in flexible versions too.
    pub classic: bool,
    pub ignorable: bool,
    pub default: Default,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    /// Records of a response, which need not pass through memory.
    Records,
    Struct(String),
    Array(Box<Self>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Default {
    Null,
    /// That of the type.
    Zero,
    Integer(i64),
    True,
}

impl Message {
    /// # Errors
    /// A sentence about what this generator does not know.
    pub fn resolve(definition: &Definition) -> Result<Self, String> {
        let versions = definition.valid_versions;
        let common = definition.common_structs.iter().map(|common| (common.name.as_str(), &*common.fields));
        let mut walk = Walk { common: common.collect(), found: Vec::new(), name: &definition.name };
        walk.visit(&definition.name, &definition.fields, versions);
        let found = std::mem::take(&mut walk.found);
        let structs = found
            .into_iter()
            .map(|(name, versions, fields)| {
                let present = fields.iter().filter(|field| !field.versions.and(versions).is_empty());
                let fields = present.map(|field| resolve_field(field, versions, definition));
                Ok(Struct { name, versions, fields: fields.collect::<Result<_, String>>()? })
            })
            .collect::<Result<_, String>>()
            .map_err(|error| format!("{}: {error}", definition.name))?;
        let flexible = definition.flexible_versions.and(versions);
        Ok(Self { name: definition.name.clone(), api_key: definition.api_key, versions, flexible, structs })
    }

    /// The fewest bytes that a struct takes in any of its versions.
    pub fn min_bytes(&self, name: &str) -> usize {
        let this = self.structs.iter().find(|each| each.name == name).expect("structs are resolved");
        let in_version = |version| {
            let present = this.fields.iter().filter(|field| field.versions.contains(version));
            let fields: usize = present
                .filter(|field| field.tag.is_none())
                .map(|field| self.min_field_bytes(field, version))
                .sum();
            fields + usize::from(self.flexible.contains(version))
        };
        (this.versions.low..=this.versions.high).map(in_version).min().expect("a struct has versions")
    }

    fn min_field_bytes(&self, field: &Field, version: i16) -> usize {
        let compact = self.flexible.contains(version) && !field.classic;
        match &field.kind {
            Type::Bool | Type::Int8 => 1,
            Type::Int16 | Type::Uint16 => 2,
            Type::Int32 => 4,
            Type::Int64 | Type::Float64 => 8,
            Type::Uuid => 16,
            Type::Struct(_) if field.nullable.contains(version) => 1,
            Type::Struct(name) => self.min_bytes(name),
            Type::String | Type::Bytes | Type::Records | Type::Array(_) if compact => 1,
            Type::String => 2,
            Type::Bytes | Type::Records | Type::Array(_) => 4,
        }
    }
}

type Found<'a> = (String, Versions, &'a [definition::Field]);

/// Gathers structs with the versions in which each can occur.
struct Walk<'a> {
    name: &'a str,
    common: BTreeMap<&'a str, &'a [definition::Field]>,
    found: Vec<Found<'a>>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, name: &str, fields: &'a [definition::Field], versions: Versions) {
        match self.found.iter_mut().find(|(known, ..)| known == name) {
            Some((_, known, _)) => *known = known.hull(versions),
            None => self.found.push((name.to_owned(), versions, fields)),
        }
        for field in fields {
            let versions = field.versions.and(versions);
            let name = field.kind.trim_start_matches("[]");
            if versions.is_empty() || !name.starts_with(char::is_uppercase) {
                continue;
            }
            let common = self.common.get(name).copied();
            assert!(common.is_some() || !field.fields.is_empty(), "{}: what is {name}?", self.name);
            self.visit(name, common.unwrap_or(&field.fields), versions);
        }
    }
}

fn resolve_field(
    field: &definition::Field,
    context: Versions,
    definition: &Definition,
) -> Result<Field, String> {
    let flexible = definition.flexible_versions;
    let error = |what: &str| Err(format!("{}: {what}", field.name));
    let versions = field.versions.and(context);
    let nullable = field.nullable_versions.and(versions);
    let tagged = field.tagged_versions.and(versions);
    if field.tag.is_some() && (tagged != versions || flexible.and(versions) != versions) {
        return error("tagged in some of its versions only");
    }
    let classic = field.flexible_versions.is_some();
    if classic && field.flexible_versions != Some(Versions::NONE) {
        return error("flexible in versions of its own");
    }
    let kind = match field.kind.as_str() {
        "records" if matches!(definition.kind, Kind::Response) => Some(Type::Records),
        text => parse_type(text),
    };
    let Some(kind) = kind else { return error("unknown type") };
    let Some(default) = parse_default(field, &kind, !nullable.is_empty()) else {
        return error("unknown default");
    };
    if default == Default::Null && nullable.is_empty() {
        return error("null by default, and not nullable");
    }
    Ok(Field {
        name: snake_case(&field.name),
        kind,
        versions,
        nullable,
        tag: field.tag,
        classic,
        ignorable: field.ignorable,
        default,
    })
}

fn parse_type(text: &str) -> Option<Type> {
    Some(match text {
        "bool" => Type::Bool,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "uint16" => Type::Uint16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float64" => Type::Float64,
        "uuid" => Type::Uuid,
        "string" => Type::String,
        "bytes" | "records" => Type::Bytes,
        _ => match text.strip_prefix("[]") {
            Some(element) => Type::Array(Box::new(parse_type(element)?)),
            None if text.starts_with(char::is_uppercase) => Type::Struct(text.to_owned()),
            None => return None,
        },
    })
}

fn parse_default(field: &definition::Field, kind: &Type, nullable: bool) -> Option<Default> {
    let text = match &field.default {
        // Records alone are null when nothing is said.
        None if field.kind == "records" && nullable => return Some(Default::Null),
        None => return Some(Default::Zero),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    match (kind, text.as_str()) {
        (Type::String | Type::Bytes | Type::Records | Type::Array(_) | Type::Struct(_), "null") => {
            Some(Default::Null)
        }
        (Type::String, "") | (Type::Bool, "false") => Some(Default::Zero),
        (Type::Bool, "true") => Some(Default::True),
        (Type::Int8 | Type::Int16 | Type::Uint16 | Type::Int32 | Type::Int64, text) => {
            let number = match text.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16).ok()?,
                None => text.parse().ok()?,
            };
            Some(if number == 0 { Default::Zero } else { Default::Integer(number) })
        }
        _ => None,
    }
}

/// `V3AndBelowTopics` → `v3_and_below_topics`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, character) in name.char_indices() {
        if character.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}
