using VirtuaLinux.EndToEnd;

[assembly: TestCaseOrderer(typeof(AlphabeticalOrder))]
