"""What users call the server with, unmodified: the AWS SDK for Python."""

import unittest

import boto3
from botocore.config import Config

import server as kit
from server import Server


class AWSClients(unittest.TestCase):
    def client(self, server):
        return boto3.client(
            "sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{server.port}", region_name="us-east-1",
            aws_access_key_id="local", aws_secret_access_key="local", config=Config(retries={"max_attempts": 0}))

    def test_invoke_endpoint(self):
        for front in ["direct"] + (["nginx"] if kit.HAS_NGINX else []):
            with self.subTest(front), Server(front=front) as server:
                runtime = self.client(server)
                answer = runtime.invoke_endpoint(
                    EndpointName="iris", ContentType="text/csv", Accept="text/csv", Body=kit.ROW,
                    CustomAttributes="outputs=label")
                self.assertIn(kit.ANSWER, answer["Body"].read())
                self.assertEqual(answer["InvokedProductionVariant"], "AllTraffic")
                self.assertTrue(answer["ContentType"].startswith("text/csv"))
                with self.assertRaises(runtime.exceptions.ModelError) as caught:
                    runtime.invoke_endpoint(EndpointName="iris", ContentType="text/csv", Body=b"1,2,x,4")
                self.assertEqual(caught.exception.response["OriginalStatusCode"], 400)
                self.assertIn("invalid_value", caught.exception.response["OriginalMessage"])


if __name__ == "__main__":
    unittest.main()
