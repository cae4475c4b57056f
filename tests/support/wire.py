"""Models as bytes: whole ones by the onnx package, and pieces of the wire format for those it would not write."""

from onnx import TensorProto, helper


def varint(x):
    """Any integer, negative ones as in protobuf's int64."""
    x, out = x & (1 << 64) - 1, bytearray()
    while x > 127:
        out.append(x & 127 | 128)
        x >>= 7
    return bytes(out + bytes([x]))


def number(field, x):
    """A field of wire type 0."""
    return varint(field << 3) + varint(x)


def piece(field, data):
    """A field of wire type 2: bytes, a name, a message."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def value(name, kind=TensorProto.FLOAT, shape=None):
    """The description of a tensor."""
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs=None, outputs=None, constants=(), opset=17, ml=None, functions=()):
    """The bytes of a model; by default x [2,3] -> y."""
    graph = helper.make_graph(nodes, "g", [value("x", shape=[2, 3])] if inputs is None else inputs,
                              outputs or [value("y")], list(constants))
    opsets = [("", opset)] + ([("ai.onnx.ml", ml)] if ml else []) + ([("local", 1)] if functions else [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*entry) for entry in opsets], ir_version=8,
                             functions=list(functions)).SerializeToString()
