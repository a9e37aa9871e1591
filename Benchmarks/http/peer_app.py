"""The stack that people assemble by hand: a Flask application that unpickles a scikit-learn model and answers CSV."""

import io
import os
import pickle

import flask
import pandas

app = flask.Flask(__name__)
_model = None


def model():
    global _model
    if _model is None:
        with open(os.environ["PEER_MODEL"], "rb") as file:
            _model = pickle.load(file)
    return _model


@app.get("/ping")
def ping():
    return flask.Response("\n", status=200 if model() is not None else 404, mimetype="application/json")


@app.post("/invocations")
def invocations():
    if flask.request.content_type != "text/csv":
        return flask.Response("only text/csv is supported", status=415, mimetype="text/plain")
    rows = pandas.read_csv(io.StringIO(flask.request.get_data(as_text=True)), header=None)
    labels = model().predict(rows.to_numpy())
    return flask.Response("\n".join(map(str, labels)) + "\n", mimetype="text/csv")
