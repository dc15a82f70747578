#!/usr/bin/env python3
"""The image of the sample modules: edge-sample and the libraries it is loaded with.

    sample_image.py build/release/bin/edge-sample --push 127.0.0.1:5000/edge-sample:1
"""
import argparse

import oci
import program


def image(binary):
    files = program.files(binary, "/usr/bin/edge-sample")
    files["/tmp"] = oci.Folder(0o1777)
    return oci.Image([oci.layer(program.with_folders(files))], {"Entrypoint": ["/usr/bin/edge-sample"], "User": "1000"})


def main():
    parser = argparse.ArgumentParser(description="make the image of the sample modules")
    parser.add_argument("binary")
    parser.add_argument("--push", required=True, help="host:port/name:tag")
    wanted = parser.parse_args()
    print(f"{wanted.push}@{oci.push(image(wanted.binary), wanted.push)}")


if __name__ == "__main__":
    main()
