#!/usr/bin/env python3
"""OpenCV's ORB with brute-force matching on the pictures that `touchstone bench quality --keep` wrote.

usage: orb.py KEPT IMAGES... [--each N]

KEPT holds queries as ATTACK/copy/NAME and ATTACK/stranger/NAME (slashes of a name as '|') and
references.txt; IMAGES are the folders that were measured. As people build it: ORB of 500 points for
a reference and 1,000 for a query, ratio test 0.8, a similarity by RANSAC, a match from 10 inliers.
"""
import argparse, pathlib, time
import cv2

arguments = argparse.ArgumentParser()
arguments.add_argument("kept", type=pathlib.Path)
arguments.add_argument("images", nargs="+", type=pathlib.Path)
arguments.add_argument("--each", type=int, default=10, help="queries an attack and kind")
arguments = arguments.parse_args()


def features(path, points):
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        return None
    longer = max(picture.shape)
    if longer > 640:
        picture = cv2.resize(picture, None, fx=640 / longer, fy=640 / longer, interpolation=cv2.INTER_AREA)
    corners, descriptors = cv2.ORB_create(points).detectAndCompute(picture, None)
    return None if descriptors is None or len(corners) < 10 else (corners, descriptors)


folders = {folder.name: folder for folder in arguments.images}
references = {}
for name in (arguments.kept / "references.txt").read_text().splitlines():
    first, rest = name.split("/", 1)
    made = features(folders[first] / rest, 500)
    if made:
        references[name] = made
matcher = cv2.BFMatcher(cv2.NORM_HAMMING)


def inliers(query, reference):
    good = [m[0] for m in matcher.knnMatch(reference[1], query[1], 2) if len(m) == 2 and m[0].distance < 0.8 * m[1].distance]
    if len(good) < 10:
        return 0
    import numpy
    source = numpy.float32([reference[0][m.queryIdx].pt for m in good])
    target = numpy.float32([query[0][m.trainIdx].pt for m in good])
    _, mask = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=5)
    return 0 if mask is None else int(mask.sum())


print(f"{len(references)} references\n| attack | found | strangers answered | s a query |\n|---|---|---|---|")
for attack in sorted(p for p in arguments.kept.iterdir() if p.is_dir()):
    found = asked = wrong = strangers = 0
    begun = time.process_time()
    for kind in ("copy", "stranger"):
        for path in sorted((attack / kind).glob("*"))[: arguments.each]:
            name = path.name.replace("|", "/")
            query = features(path, 1000)
            matched = {r for r, made in references.items() if query and inliers(query, made) >= 10}
            if kind == "copy":
                asked, found = asked + 1, found + (name in matched)
            else:
                strangers, wrong = strangers + 1, wrong + bool(matched)
    seconds = (time.process_time() - begun) / max(asked + strangers, 1)
    print(f"| {attack.name} | {found}/{asked} | {wrong}/{strangers} | {seconds:.2f} |", flush=True)
