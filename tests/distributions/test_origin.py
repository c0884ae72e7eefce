"""Where a build says it comes from."""

import os
import shutil
import subprocess
import tempfile
import unittest

import bed

SCRIPT = "scripts/commit.sh"
# Of nobody's machine: the answer must not depend on its settings.
IDENTITY = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]


class Origin(unittest.TestCase):
    """In a repository of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = os.path.join(folder.name, "repository")
        os.makedirs(os.path.join(self.root, "scripts"))
        for name in (SCRIPT, ".gitattributes"):
            shutil.copy(os.path.join(bed.ROOT, name), os.path.join(self.root, name))
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=first")

    def git(self, *words, **options):
        command = ["git", "-C", self.root, *IDENTITY, *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout

    def origin(self, root):
        command = [os.path.join(root, SCRIPT)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def test_a_work_tree_says_its_commit_and_that_it_was_changed(self):
        commit = self.git("log", "-1", "--format=%H %ct", text=True).split()
        self.assertEqual(self.origin(self.root), f"{commit[0][:12]} {commit[1]}")
        with open(os.path.join(self.root, "new"), "w"):
            pass
        self.assertEqual(self.origin(self.root), f"{commit[0][:12]}-changed {commit[1]}")

    def test_a_tarball_says_the_same_even_inside_another_repository(self):
        before = self.origin(self.root)
        tarball = self.git("archive", "HEAD")
        unpacked = os.path.join(self.root, "unpacked")
        os.mkdir(unpacked)
        subprocess.run(["tar", "-x", "-C", unpacked], input=tarball, check=True)
        self.assertEqual(self.origin(unpacked), before)

    def test_a_copy_without_git_says_nothing(self):
        shutil.rmtree(os.path.join(self.root, ".git"))
        self.assertEqual(self.origin(self.root), "")
