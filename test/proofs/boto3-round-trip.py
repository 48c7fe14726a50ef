"""boto3 against a node: what it uploads comes back byte for byte. Ends with what it did."""

import os

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

bucket = os.environ["HANGAR_BUCKET"]
client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))


def get(key, **more):
    return client.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def refused(status, **more):
    try:
        client.put_object(Bucket=bucket, **more)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return False


for size in (0, 1, 8192, 70_000, 5_000_000):
    body = os.urandom(size)
    client.put_object(Bucket=bucket, Key="py/ü +%%/%d" % size, Body=body)
    assert get("py/ü +%%/%d" % size) == body, size

for algorithm in ("CRC32", "SHA1", "SHA256"):
    body = os.urandom(70_000)
    client.put_object(Bucket=bucket, Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
    answer = client.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
    assert answer["Body"].read() == body and answer["Checksum" + algorithm], algorithm

etag = client.put_object(Bucket=bucket, Key="lock", Body=b"1", IfNoneMatch="*")["ETag"]
assert refused(412, Key="lock", Body=b"2", IfNoneMatch="*")
assert refused(412, Key="lock", Body=b"2", IfMatch='"00000000000000000000000000000000"')
client.put_object(Bucket=bucket, Key="lock", Body=b"3", IfMatch=etag)
assert get("lock") == b"3"

parts = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=6 << 20)
with open("py-big", "wb") as file:
    file.write(os.urandom(20_000_000))
client.upload_file("py-big", bucket, "py-big", Config=parts)
client.download_file(bucket, "py-big", "py-back", Config=parts)
with open("py-big", "rb") as one, open("py-back", "rb") as other:
    whole = one.read()
    assert whole == other.read()
assert client.head_object(Bucket=bucket, Key="py-big")["ETag"].endswith('-4"')
assert get("py-big", Range="bytes=5999990-6300000") == whole[5999990:6300001]

keys = [{"Key": row["Key"]} for row in client.list_objects_v2(Bucket=bucket, Prefix="py")["Contents"]]
assert len(client.delete_objects(Bucket=bucket, Delete={"Objects": keys})["Deleted"]) == len(keys)
print("boto3 %s: bytes, checksums, conditions, multipart, ranges, deletes" % boto3.__version__)
