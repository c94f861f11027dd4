"""Times medspaCy's ConText on documents given on standard input; run by the Python of an environment that has it.

Input: {"rules": [[name, category, direction, pattern or null], ...],
"documents": [[text, [[start, end], ...], [sentence starts]], ...], "rounds": n}.
Every character is a token, sentences and targets are given, so that only ConText is timed.
Output: {"seconds": best of the rounds, "tokens": n, "targets": n, "modified": n}, or {"missing": the module}.
"""

import json
import sys
import time


def main() -> None:
    """Read the documents, time the component alone, and print one JSON object."""
    try:
        import spacy
        from medspacy.context import ConText, ConTextRule
        from spacy.tokens import Doc, Span
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    given = json.load(sys.stdin)
    nlp = spacy.blank("zh")
    context = ConText(nlp, rules=None)
    context.add(
        [
            ConTextRule(name, category, direction=direction, pattern=pattern)
            for name, category, direction, pattern in given["rules"]
        ]
    )
    best, tokens, targets, modified = float("inf"), 0, 0, 0
    for _ in range(given["rounds"]):
        documents = []
        for text, spans, sentences in given["documents"]:
            starts = set(sentences) | {0}
            document = Doc(
                nlp.vocab,
                words=list(text),
                spaces=[False] * len(text),
                sent_starts=[place in starts for place in range(len(text))],
            )
            document.ents = [Span(document, start, end, label="FINDING") for start, end in spans]
            documents.append(document)
        started = time.process_time()
        for document in documents:
            context(document)
        best = min(best, time.process_time() - started)
        tokens = sum(len(document) for document in documents)
        targets = sum(len(document.ents) for document in documents)
        modified = sum(bool(span._.modifiers) for document in documents for span in document.ents)
    print(json.dumps({"seconds": best, "tokens": tokens, "targets": targets, "modified": modified}))


if __name__ == "__main__":
    main()
