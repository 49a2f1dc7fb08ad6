"""Checks the bytes of an answer against botocore's service models."""

import json
import re
import xml.etree.ElementTree as ElementTree

NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def problems(model, body):
    """Returns the path of everything in an answer that the operation's model does not know."""
    shape = model.output_shape
    protocol = model.service_model.metadata["protocol"]
    if protocol == "json":
        value = json.loads(body or "{}")
        return (
            list(of_json(shape, value, ""))
            if shape
            else ([] if value == {} else ["an answer without a shape"])
        )
    root = strip(ElementTree.fromstring(body))
    if root.tag != f"{model.name}Response":
        return [f"the root is {root.tag}"]
    if protocol == "query":
        wrapper = shape.serialization.get("resultWrapper") if shape else None
        children = {child.tag: child for child in root}
        allowed = {wrapper, "ResponseMetadata"} - {None}
        extra = [f"/{tag}" for tag in children.keys() - allowed]
        return extra + (list(of_xml(shape, children[wrapper], "")) if wrapper in children else [])
    # EC2 puts the request ID next to the members of its answer. An answer without members has
    # `return` instead.
    alone = {"requestId"} if shape else {"requestId", "return"}
    root[:] = [child for child in root if child.tag not in alone]
    if shape is None:
        return [f"/{child.tag}" for child in root]
    return list(of_xml(shape, root, ""))


def strip(element):
    for each in element.iter():
        each.tag = each.tag.split("}")[-1]
    return element


def of_xml(shape, element, path):
    if shape.type_name == "structure":
        members = {
            member.serialization.get("name", name): member for name, member in shape.members.items()
        }
        tags = [child.tag for child in element]
        for child in element:
            here = f"{path}/{child.tag}"
            if child.tag not in members:
                yield here
            elif tags.count(child.tag) > 1 and not members[child.tag].serialization.get(
                "flattened"
            ):
                yield f"{here} appears twice"
            else:
                yield from of_xml(members[child.tag], child, here)
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag != name:
                yield f"{path}/{child.tag} is not {name}"
            else:
                yield from of_xml(shape.member, child, f"{path}/{name}")
    elif len(element):
        yield f"{path} has children"
    else:
        yield from of_text(shape, element.text or "", path)


def of_text(shape, text, path):
    kind = shape.type_name
    fits = {
        "boolean": text in ("true", "false"),
        "integer": NUMBER.fullmatch(text),
        "long": NUMBER.fullmatch(text),
        "double": NUMBER.fullmatch(text),
        "float": NUMBER.fullmatch(text),
        "timestamp": TIME.fullmatch(text),
    }.get(kind, True)
    if not fits:
        yield f"{path}: {text!r} is no {kind}"
    if text and getattr(shape, "enum", None) and text not in shape.enum:
        yield f"{path}: {text!r} is none of {shape.enum}"


def of_json(shape, value, path):
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, of in value.items():
            member = shape.members.get(name)
            if member is None:
                yield f"{path}/{name}"
            elif of is not None:
                yield from of_json(member, of, f"{path}/{name}")
    elif kind == "list" and isinstance(value, list):
        for of in value:
            yield from of_json(shape.member, of, f"{path}/")
    elif kind == "map" and isinstance(value, dict):
        for of in value.values():
            yield from of_json(shape.value, of, f"{path}/*")
    elif kind in ("integer", "long", "double", "float", "timestamp"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{path}: {value!r} is no {kind}"
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield f"{path}: {value!r} is no boolean"
    elif not isinstance(value, str):
        yield f"{path}: {value!r} is no {kind}"
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value!r} is none of {shape.enum}"


def forms(value, path=""):
    """Yields every path in a parsed answer, and whether it is a structure, a list or a text."""
    # Some recordings hold a time as an object of this form.
    if isinstance(value, dict) and value.get("__class__") != "datetime":
        yield path, "structure"
        for name, of in value.items():
            if name != "ResponseMetadata":
                yield from forms(of, f"{path}/{name}")
    elif isinstance(value, list):
        yield path, "list"
        for of in value:
            yield from forms(of, f"{path}/")
    else:
        yield path, "text"
