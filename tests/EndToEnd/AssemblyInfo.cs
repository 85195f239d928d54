using VirtuaLinux.EndToEnd;

[assembly: TestMethodOrderer(typeof(AlphabeticalOrder))]
