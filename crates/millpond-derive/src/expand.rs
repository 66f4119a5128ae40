//! From the tokens of a type to those of its `impl`. Knows no compiler: a test can call it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Error, Field, Fields, Generics, Path, Result, Variant,
    parse_quote,
};

/// Returns the `impl IsZero` for the type that `input` defines.
///
/// # Errors
///
/// Every fault of the type at once, each where it is.
pub(crate) fn is_zero(input: TokenStream) -> Result<TokenStream> {
    let mut input: DeriveInput = syn::parse2(input)?;
    let home = container_attributes(&input.attrs)?;
    let mut asked = Asked::default();
    let body = match &input.data {
        Data::Struct(data) => struct_body(&home, &input.ident, &data.fields, &mut asked)?,
        Data::Enum(data) => enum_body(&home, &input.ident, data, &mut asked)?,
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "a union has no `IsZero`: nobody knows which of its fields is alive",
            ));
        }
    };
    bind(&mut input.generics, &home, &asked);
    let name = &input.ident;
    let (generics, arguments, wheres) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics #home::IsZero for #name #arguments #wheres {
            #[inline]
            fn is_zero(&self) -> bool {
                #body
            }
        }
    })
}

/// The types of the fields whose own `IsZero` is asked.
#[derive(Default)]
struct Asked {
    types: Vec<TokenStream>,
}

/// What is to be done with one field.
enum Rule {
    Ask,
    Skip,
    With(Path),
}

fn struct_body(
    home: &Path,
    name: &Ident,
    fields: &Fields,
    asked: &mut Asked,
) -> Result<TokenStream> {
    let (pattern, test) = fields_test(home, fields, asked)?;
    match test {
        Some(test) => Ok(quote! { let Self #pattern = self; #test }),
        None => Err(Error::new(
            name.span(),
            format!("`{name}` would always be zero: it has no field that says otherwise"),
        )),
    }
}

fn enum_body(home: &Path, name: &Ident, data: &DataEnum, asked: &mut Asked) -> Result<TokenStream> {
    let mut zero: Option<&Variant> = None;
    for variant in &data.variants {
        if !is_marked(variant)? {
            // Attributes that have no effect there are faults, not decoration.
            for field in &variant.fields {
                if let Some(attribute) = ours(&field.attrs).next() {
                    return Err(Error::new(
                        attribute.span(),
                        "only the fields of the variant marked `#[is_zero]` are asked",
                    ));
                }
            }
            continue;
        }
        if let Some(first) = zero.replace(variant) {
            let mut error = Error::new(variant.span(), "a second variant marked `#[is_zero]`");
            error.combine(Error::new(first.span(), "the first one is here"));
            return Err(error);
        }
    }
    let Some(variant) = zero else {
        return Err(Error::new(
            name.span(),
            "mark the one variant that is zero with `#[is_zero]`",
        ));
    };
    if data.variants.len() == 1 && variant.fields.is_empty() {
        return Err(Error::new(
            name.span(),
            format!("`{name}` would always be zero: it has one variant and no field"),
        ));
    }
    let (pattern, test) = fields_test(home, &variant.fields, asked)?;
    let variant = &variant.ident;
    let test = test.unwrap_or_else(|| quote!(true));
    Ok(quote! {
        match self {
            Self::#variant #pattern => { #test }
            #[allow(unreachable_patterns, reason = "an enum of one variant")]
            _ => false,
        }
    })
}

/// Returns a pattern that names the fields, and the test of all; none if no field is tested.
fn fields_test(
    home: &Path,
    fields: &Fields,
    asked: &mut Asked,
) -> Result<(TokenStream, Option<TokenStream>)> {
    let mut names = Vec::new();
    let mut tests = Vec::new();
    let mut faults: Option<Error> = None;
    for (index, field) in fields.iter().enumerate() {
        let place = format_ident!("field_{index}", span = Span::mixed_site());
        let rule = match field_rule(field) {
            Ok(rule) => rule,
            Err(error) => {
                match &mut faults {
                    Some(faults) => faults.combine(error),
                    None => faults = Some(error),
                }
                continue;
            }
        };
        let ty = &field.ty;
        let test = match rule {
            Rule::Skip => None,
            Rule::With(path) => Some(quote_spanned!(path.span()=> #path(#place))),
            Rule::Ask => {
                asked.types.push(ty.to_token_stream());
                // With the span of the type: there the compiler says what lacks `IsZero`.
                Some(quote_spanned!(ty.span()=> <#ty as #home::IsZero>::is_zero(#place)))
            }
        };
        let bound = if test.is_some() {
            quote!(#place)
        } else {
            quote!(_)
        };
        names.push(match &field.ident {
            Some(name) => quote!(#name: #bound),
            None => bound,
        });
        tests.extend(test);
    }
    if let Some(faults) = faults {
        return Err(faults);
    }
    let pattern = match fields {
        Fields::Named(_) => quote!({ #(#names),* }),
        Fields::Unnamed(_) => quote!((#(#names),*)),
        Fields::Unit => quote!(),
    };
    let test = (!tests.is_empty()).then(|| quote!(#(#tests)&&*));
    Ok((pattern, test))
}

/// Binds each type parameter that an asked field mentions.
fn bind(generics: &mut Generics, home: &Path, asked: &Asked) {
    for parameter in generics.type_params_mut() {
        let mentioned = asked
            .types
            .iter()
            .any(|ty| mentions(ty.clone(), &parameter.ident));
        if mentioned {
            parameter.bounds.push(parse_quote!(#home::IsZero));
        }
    }
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("is_zero"))
}

/// Returns the path that `IsZero` is reached by.
fn container_attributes(attributes: &[Attribute]) -> Result<Path> {
    let mut home: Path = parse_quote!(::millpond_map);
    for attribute in ours(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                home = meta.value()?.parse()?;
                return Ok(());
            }
            Err(meta.error("a type takes `#[is_zero(crate = path)]` and nothing else"))
        })?;
    }
    Ok(home)
}

/// Tells whether a variant is marked as zero.
fn is_marked(variant: &Variant) -> Result<bool> {
    let mut marked = false;
    for attribute in ours(&variant.attrs) {
        attribute
            .meta
            .require_path_only()
            .map_err(|error| Error::new(error.span(), "a variant takes a bare `#[is_zero]`"))?;
        marked = true;
    }
    Ok(marked)
}

fn field_rule(field: &Field) -> Result<Rule> {
    let mut rule = Rule::Ask;
    for attribute in ours(&field.attrs) {
        let faulty = "a field takes `#[is_zero(skip)]` or `#[is_zero(with = path)]`";
        if attribute.meta.require_list().is_err() {
            return Err(Error::new(attribute.span(), faulty));
        }
        attribute.parse_nested_meta(|meta| {
            if !matches!(rule, Rule::Ask) {
                return Err(meta.error("one rule a field: `skip` or `with`"));
            }
            if meta.path.is_ident("skip") {
                rule = Rule::Skip;
            } else if meta.path.is_ident("with") {
                rule = Rule::With(meta.value()?.parse()?);
            } else {
                return Err(meta.error(faulty));
            }
            Ok(())
        })?;
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages that `source` is refused with, in order.
    fn refused(source: &str) -> Vec<String> {
        let tokens: TokenStream = source.parse().expect("tokens");
        let error = is_zero(tokens).expect_err("refused");
        error.into_iter().map(|error| error.to_string()).collect()
    }

    fn expanded(source: &str) -> String {
        let tokens: TokenStream = source.parse().expect("tokens");
        is_zero(tokens).expect("accepted").to_string()
    }

    #[test]
    fn each_refused_type_is_told_why() {
        for (source, messages) in [
            (
                "union Either { a: u32, b: f32 }",
                &["a union has no `IsZero`: nobody knows which of its fields is alive"][..],
            ),
            (
                "enum Lease { Free, Held }",
                &["mark the one variant that is zero with `#[is_zero]`"],
            ),
            (
                "enum Never {}",
                &["mark the one variant that is zero with `#[is_zero]`"],
            ),
            (
                "enum Lease { #[is_zero] Free, #[is_zero] Held }",
                &[
                    "a second variant marked `#[is_zero]`",
                    "the first one is here",
                ],
            ),
            (
                "enum One { #[is_zero] Only }",
                &["`One` would always be zero: it has one variant and no field"],
            ),
            (
                "enum Lease { #[is_zero(skip)] Free, Held }",
                &["a variant takes a bare `#[is_zero]`"],
            ),
            (
                "enum Lease { #[is_zero] Free, Held(#[is_zero(skip)] u8) }",
                &["only the fields of the variant marked `#[is_zero]` are asked"],
            ),
            (
                "struct Nothing;",
                &["`Nothing` would always be zero: it has no field that says otherwise"],
            ),
            (
                "struct Untold { #[is_zero(skip)] a: u32 }",
                &["`Untold` would always be zero: it has no field that says otherwise"],
            ),
            (
                "struct Odd { #[is_zero] a: u32 }",
                &["a field takes `#[is_zero(skip)]` or `#[is_zero(with = path)]`"],
            ),
            (
                "struct Odd { #[is_zero(skipp)] a: u32, #[is_zero(skip, with = f)] b: u32 }",
                &[
                    "a field takes `#[is_zero(skip)]` or `#[is_zero(with = path)]`",
                    "one rule a field: `skip` or `with`",
                ],
            ),
            (
                "#[is_zero(skip)] struct Odd { a: u32 }",
                &["a type takes `#[is_zero(crate = path)]` and nothing else"],
            ),
        ] {
            assert_eq!(refused(source), messages, "{source}");
        }
    }

    #[test]
    fn only_parameters_that_are_asked_are_bound() {
        let code = expanded("struct S<T, U> { a: Vec<T>, #[is_zero(skip)] b: U }");
        assert!(code.contains("T : :: millpond_map :: IsZero"), "{code}");
        assert!(!code.contains("U :"), "{code}");
    }

    #[test]
    fn the_home_of_the_trait_can_be_named() {
        let code = expanded("#[is_zero(crate = millpond::map)] struct S { a: u8 }");
        assert!(code.contains("millpond :: map :: IsZero"), "{code}");
        assert!(!code.contains("millpond_map"), "{code}");
    }
}
